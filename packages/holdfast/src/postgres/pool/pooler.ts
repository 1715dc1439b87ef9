import type { Logger } from '../../core/index.ts'
import { sqlstateOf } from '../sqlstate.ts'

/** What stands between a pool and PostgreSQL. */
export type PoolerKind =
  /** Not known yet. */
  | 'unknown'
  /** Nothing that shares sessions. */
  | 'none'
  /** A pooler; taken for one in transaction mode, because one in session mode cannot be told from it and loses nothing. */
  | 'transaction'

/** What all classes of a pool know of the pooler. */
export class PoolerState {
  kind: PoolerKind
  /** True: statements go without names. Read for every statement. */
  isShared: boolean
  readonly #logger: Logger
  readonly #textsByName = new Map<string, string>()
  /** Clients that log in with settings, as one does without a pooler. */
  readonly #attempts = new WeakSet<object>()

  constructor(kind: PoolerKind, logger: Logger) {
    this.kind = kind
    this.isShared = kind === 'transaction'
    this.#logger = logger
  }

  found(kind: 'none' | 'transaction'): void {
    if (this.kind !== 'unknown') return
    this.kind = kind
    this.isShared = kind === 'transaction'
    if (this.isShared) this.#logger.warn({ pooler: kind }, POOLER_WARNING)
  }

  /** Returns the client. */
  noteAttempt<Client extends object>(client: Client): Client {
    if (this.kind === 'unknown') this.#attempts.add(client)
    return client
  }

  /** True when a log-in failed because a pooler does not take the time-out of statements, as PgBouncer answers. The next one goes without. */
  explains(error: unknown, client: object): boolean {
    if (sqlstateOf(error) !== '08P01' || !this.#attempts.delete(client)) return false
    this.found('transaction')
    return this.isShared
  }

  /** The same query without its name: a prepared statement lives in one server session, and the next transaction may run in another. */
  unnamed(config: object): object {
    const { name, text } = config as { name?: unknown; text?: unknown }
    if (typeof name !== 'string') return config
    if (typeof text === 'string' && this.#textsByName.size < NAMES_LIMIT) this.#textsByName.set(name, text)
    // A config without text executes what was sent under the name before.
    return { ...config, name: undefined, text: text ?? this.#textsByName.get(name) }
  }
}

const NAMES_LIMIT = 1000

const POOLER_WARNING =
  'PostgreSQL is reached through a pooler: statements go without names, and the time-out of statements must be set for the role (ALTER ROLE ... SET statement_timeout)'

/** True when the session answered by the server is not the one that the client was told of at log-in: whatever answers in between hands sessions out. */
export function isBehindPooler(processID: number | null | undefined, result: unknown): boolean {
  const pid = (result as { rows?: readonly { pid?: unknown }[] } | undefined)?.rows?.[0]?.pid
  return typeof processID === 'number' && typeof pid === 'number' && pid !== processID
}

/** Asks which session of the server answers. */
export const BACKEND_PID_SQL = 'select pg_backend_pid() as pid'
