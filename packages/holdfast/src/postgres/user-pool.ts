import type { StatusClient } from './transaction-status.ts'

/** The part of a result of `pg` that Holdfast reads. */
export interface UserQueryResult<Row> {
  readonly command: string
  readonly rowCount: number | null
  readonly rows: Row[]
}

/** The two calling forms of `query` that Holdfast itself uses. The caller's own type keeps all of them. */
export type UserQuery = <Row extends Record<string, unknown> = Record<string, unknown>>(
  text: string,
  values?: unknown[],
) => Promise<UserQueryResult<Row>>

/** The part of a checked-out client of `pg` (8.16 or later) that Holdfast uses. */
export interface UserClient {
  query: UserQuery
  /** Gives the client back; a truthy argument destroys it. */
  release(error?: Error | boolean): void
}

/** The part of `pg.Pool` (8.16 or later) that Holdfast uses. The copy of `pg` is the caller's. */
export interface UserPool {
  readonly totalCount: number
  readonly idleCount: number
  readonly waitingCount: number
  readonly options: { readonly max?: number | undefined; readonly connectionTimeoutMillis?: number | undefined }
  connect(): Promise<UserClient>
  query: UserQuery
}

/** The client that a pool hands out, as the caller's copy of `pg` types it. */
export type ClientOf<Pool extends UserPool> = Pool extends {
  connect: { (): Promise<infer Client>; (callback: never): void }
}
  ? Client
  : Awaited<ReturnType<Pool['connect']>>

/** Called by the driver when a statement has ended. */
export type DriverCallback = (error: unknown, result: unknown) => void

/** `client.query` without its types: every calling form of every version goes through it. */
export type DriverQuery = (this: DriverClient, config: unknown, values?: unknown, callback?: unknown) => unknown

/** A client as the hook sees it. */
export interface DriverClient extends StatusClient {
  query(config: unknown, values?: unknown, callback?: unknown): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'drain' | 'end', listener: () => void): unknown
  removeListener(event: 'drain' | 'end', listener: () => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  /** Set by the pool for each checkout. */
  release?: (error?: unknown) => void
  end(callback: () => void): unknown
  /** False while the server has not answered completely. */
  readonly readyForQuery?: boolean
}

/** Called by the pool with a client, or with the reason why there is none. */
export type ConnectCallback = (error: unknown, client: DriverClient | undefined, release: unknown) => void

/** The pool as the hook sees it: members that `pg` has and its types leave out. */
export interface DriverPool {
  Client: new (options?: unknown) => DriverClient
  Promise?: PromiseConstructor
  /** True for a pool of ours, which rolls back what is left open. */
  readonly rollsBack?: boolean
  /** True once `end` was called. */
  readonly ending?: boolean
  readonly idleCount: number
  readonly waitingCount: number
  connect: (this: DriverPool, callback?: unknown) => unknown
  on(event: 'connect' | 'error' | 'release' | 'remove', listener: PoolEventListener): unknown
  removeListener(event: 'connect' | 'error' | 'release' | 'remove', listener: PoolEventListener): unknown
}

/** Hears of an event of a pool. */
export type PoolEventListener = (...args: never[]) => void

/** Hears of an idle connection that was lost. */
export type PoolErrorListener = (error: Error, client?: object) => void
