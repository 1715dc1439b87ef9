import type { ConnectionState } from '../statement-watch.ts'
import { CallSiteSampler, describeCallSite } from './call-site.ts'

/** Somebody who holds a connection now. Plain data, without a literal of any statement. */
export interface PoolHolder {
  /** Since the checkout. */
  readonly heldMs: number
  /** `file:line:column` of the code that asked for the connection, relative to the working folder. Of a busy pool only some checkouts are looked at:
   *  then the place that the same statement was last sent from. `undefined` when neither is known. */
  readonly callSite: string | undefined
  /** Normalised text of the statement it sent last, at most 200 characters; `undefined` when it sent none. */
  readonly statement: string | undefined
  /** False: the connection is held and PostgreSQL has nothing to do. */
  readonly isRunning: boolean
  /** Route pattern of the request it belongs to. */
  readonly route: string | undefined
}

const STATEMENT_CHARS = 200
/** Somebody who holds a connection for so long without a known place makes the next callers worth a look. */
const SUSPICIOUS_MS = 1000

/** Knows every connection that was checked out once, and which are out now. The path of a query only writes two fields of a state. */
export class Checkouts {
  /** Which checkouts are worth a stack. Callers of `pool.query` have their own turns: they cannot keep a connection, and where they come from is known by
   *  their statement once one was looked at. */
  readonly clientSites: CallSiteSampler = new CallSiteSampler()
  readonly querySites: CallSiteSampler = new CallSiteSampler()
  readonly #states = new Set<ConnectionState>()
  /** Normalised text of the statement that the holder sent last. */
  readonly textOf: (state: ConnectionState) => string | undefined

  constructor(textOf: (state: ConnectionState) => string | undefined) {
    this.textOf = textOf
  }

  /** A connection stays known until it is removed from its pool. */
  know(state: ConnectionState): void {
    if (state.isKnown) return
    state.isKnown = true
    this.#states.add(state)
  }

  forget(state: ConnectionState): void {
    state.isKnown = false
    this.#states.delete(state)
  }

  /** Those that are out, longest first. */
  held(): ConnectionState[] {
    return [...this.#states].filter(state => state.heldSinceMs !== undefined).sort((a, b) => a.heldSinceMs! - b.heldSinceMs!)
  }

  /** @param limit how many, longest first. */
  holders(nowMs: number, limit: number): PoolHolder[] {
    return this.held()
      .slice(0, limit)
      .map(state => this.describe(state, nowMs))
  }

  describe(state: ConnectionState, nowMs: number): PoolHolder {
    const ownSite = state.site === undefined ? undefined : describeCallSite(state.site)
    const heldMs = nowMs - (state.heldSinceMs ?? nowMs)
    if (state.site === undefined && heldMs >= SUSPICIOUS_MS) {
      this.clientSites.lookCloser(nowMs)
      this.querySites.lookCloser(nowMs)
    }
    return {
      heldMs,
      callSite: ownSite ?? (state.record?.callSite || undefined),
      statement: this.textOf(state)?.slice(0, STATEMENT_CHARS),
      isRunning: state.runningCount > 0,
      route: state.scope?.route,
    }
  }
}

/** One holder as a clause of an error's message. */
export function holderClause(holder: PoolHolder): string {
  const { heldMs, callSite, statement, isRunning, route } = holder
  const who = [route, callSite === undefined ? undefined : `at ${callSite}`].filter(part => part !== undefined).join(' ')
  const what = statement === undefined ? 'it sent no statement yet' : `${isRunning ? 'running' : 'idle after'}: ${statement}`
  return `held ${(heldMs / 1000).toFixed(1)} s by ${who === '' ? 'a caller of pool.query or an unsampled one' : who} (${what})`
}
