import type { Clock } from '../../core/index.ts'
import type { StatusClient } from '../transaction-status.ts'
import type { CallSite } from './call-site.ts'

/** A client of the driver as a pool of ours sees it. */
export interface PoolMemberClient extends StatusClient {
  release?: (error?: unknown) => void
  connect(callback: (error: unknown) => void): void
  query(text: unknown, values?: unknown, callback?: unknown): unknown
  end(callback: () => void): unknown
  on(event: string, listener: (...args: never[]) => void): unknown
  once(event: string, listener: (...args: never[]) => void): unknown
  removeListener(event: string, listener: (...args: never[]) => void): unknown
  ref?(): void
  unref?(): void
  readonly readyForQuery?: boolean
  readonly connection?: StatusClient['connection'] & { readonly stream: { destroy(): void; readonly destroyed?: boolean } }
  readonly processID?: number | null
  /** True once `end` was called. As `pg.Pool` does, for there is no public word for it. */
  readonly _ending?: boolean
}

/** Sends a statement of the pool's own. */
export type SendPlain = (client: PoolMemberClient, text: string, done: (error: unknown, result: unknown) => void) => void

/** How long a server may take to close a connection that said goodbye. */
const CLOSE_LIMIT_MS = 1000

/** Says goodbye and calls back once, when the connection is closed. One that is still open after a second, as that of a frozen server, is cut. */
export function closeClient(client: PoolMemberClient, clock: Clock, done: () => void): void {
  let isOver = false
  const finish = (): void => {
    if (isOver) return
    isOver = true
    limit.cancel()
    done()
  }
  const limit = clock.after(CLOSE_LIMIT_MS, () => {
    client.connection?.stream.destroy()
    finish()
  })
  client.end(finish)
}

/** One connection of a pool. */
export class Member {
  readonly client: PoolMemberClient
  /** After this it is replaced when it comes back. */
  readonly expiresMs: number
  idleSinceMs: number
  /** When the server answered last. */
  provenMs: number
  /** When it was handed out; `undefined` while it is in the pool. */
  heldSinceMs: number | undefined
  site: CallSite | undefined
  useCount = 0
  /** The socket is gone, or was closed by us. */
  isBroken = false

  constructor(client: PoolMemberClient, nowMs: number, lifetimeMs: number) {
    this.client = client
    this.expiresMs = nowMs + lifetimeMs
    this.idleSinceMs = nowMs
    this.provenMs = nowMs
  }

  /** False as soon as nothing can be sent, also before the driver says so: whoever holds a client may end it. */
  get isUsable(): boolean {
    return !this.isBroken && this.client._ending !== true && this.client.connection?.stream.destroyed !== true
  }
}
