import type { StoredResponse } from './stored-response.ts'

/** All that is stored under one primary key. */
export interface StoredVariants {
  /** The request fields that select, lower case, sorted: what the newest response's Vary says. */
  readonly varyBy: readonly string[]
  /** Newest first. */
  readonly responses: readonly StoredResponse[]
}

/** Of the shape of what is stored. What another version wrote is absent: two versions share a store while a deploy rolls. Raise it with each change of
 *  {@link StoredVariants}. */
export const STORED_FORMAT = 3

/** What became of a response that was to be stored. `outdated`: it was dropped, or something that it was made of changed, while it was made, in whichever
 *  process. `tags`: there are more than one entry may have. */
export type StoreOutcome = 'stored' | 'outdated' | 'refused' | 'tags'

/** A promise to store only what is still true. Taken before the origin is asked. */
export interface FillTicket {
  /** Runs the handler: what it reads from the data cache is noted. */
  run<T>(work: () => T): T
  /** The route's tags, and those of what was read until now. */
  tags(): readonly string[]
  /** What is stored under the key now, also what another request stored meanwhile. */
  readCurrent(): Promise<StoredVariants | undefined>
  /** Stores variants whose first is the new one and whose others come from {@link readCurrent}. */
  put(variants: StoredVariants, aliveMs: number): Promise<StoreOutcome>
}

/** Where responses are kept. Never throws and never rejects: what cannot be read is absent. */
export interface ResponseStore {
  /** What is in this process. */
  peek(key: string): StoredVariants | undefined
  /** What is here or in the shared tier. */
  find(key: string): Promise<StoredVariants | undefined>
  /** Before asking the origin: an invalidation that comes after this, of the key or a tag, makes the ticket void. Each one is ended. */
  begin(key: string, tags: readonly string[]): Promise<FillTicket>
  /** The exchange with the origin is over, stored or not. */
  end(ticket: FillTicket): void
  /** Forgets everything under the key, and voids its tickets. */
  drop(key: string): Promise<void>
  /** Forgets all that has one of the tags. `key` is of the request whose answer says so. */
  invalidate(tags: readonly string[], key: string): Promise<void>
}
