import type { StoredResponse } from './stored-response.ts'

/** All that is stored under one primary key. */
export interface StoredVariants {
  /** The request fields that select, lower case, sorted: what the newest response's Vary says. */
  readonly varyBy: readonly string[]
  /** Newest first. */
  readonly responses: readonly StoredResponse[]
}

/** A promise to store only what is still true. Taken before the origin is asked. */
export interface FillTicket {
  readonly key: string
}

/** Where responses are kept. Never throws and never rejects: what cannot be read is absent. */
export interface ResponseStore {
  /** What is in this process. */
  peek(key: string): StoredVariants | undefined
  /** What is here or in the shared tier. */
  find(key: string): Promise<StoredVariants | undefined>
  /** Before asking the origin: an invalidation that comes after this makes the ticket void. Each one is ended. */
  begin(key: string): FillTicket
  /** Stores unless the ticket is void. Resolves when readers of this process see it. */
  put(ticket: FillTicket, variants: StoredVariants, aliveMs: number): Promise<boolean>
  /** The exchange with the origin is over, stored or not. */
  end(ticket: FillTicket): void
  /** Forgets everything under the key, and voids its tickets. */
  drop(key: string): Promise<void>
}
