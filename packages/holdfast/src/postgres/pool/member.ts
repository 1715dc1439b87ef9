import type { CallSite } from './call-site.ts'

/** A client of the driver as a pool of ours sees it. */
export interface PoolMemberClient {
  release?: (error?: unknown) => void
  connect(callback: (error: unknown) => void): void
  query(text: unknown, values?: unknown, callback?: unknown): unknown
  end(callback: () => void): unknown
  on(event: string, listener: (...args: never[]) => void): unknown
  once(event: string, listener: (...args: never[]) => void): unknown
  removeListener(event: string, listener: (...args: never[]) => void): unknown
  ref?(): void
  unref?(): void
  getTransactionStatus?(): string | null
  readonly readyForQuery?: boolean
  readonly connection?: { readonly stream: { destroy(): void; readonly destroyed?: boolean } }
  readonly processID?: number | null
}

/** Sends a statement of the pool's own. */
export type SendPlain = (client: PoolMemberClient, text: string, done: (error: unknown, result: unknown) => void) => void

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
}
