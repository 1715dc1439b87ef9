import type { TieredCache } from '../cache-contract.ts'
import { findParts } from '../cache-parts.ts'

/** What became of a value that was to be stored. `outdated`: something that it was made of changed meanwhile, or it was dropped. `refused`: Redis did not
 *  take it, the value cannot be stored, or it has too many tags. */
export type DerivedOutcome = 'stored' | 'outdated' | 'refused'

/** How a derived value is stored. */
export interface DerivedStoring {
  readonly aliveMs: number
  /** Tags beside those given at the beginning and those that were read. */
  readonly tags: readonly string[]
  /** Of the tags read by {@link Derivation.readCurrent}: those that still stand for something in the new value. */
  readonly inherited: readonly string[]
}

/** A value that is being made. */
export interface Derivation {
  /** Runs the work that makes it. The tags of all entries that it reads from the cache, hits and loads, become tags of the value. */
  run<T>(work: () => T): T
  /** Tags so far, those given at the beginning included. */
  readonly tags: readonly string[]
  /** What is stored under the key now, for a value that keeps parts of it. At most 1 Redis round trip, 2 with tags that are new here. */
  readCurrent<T>(): Promise<T | undefined>
  /** Stores a copy of the value unless it is outdated, whichever process changed what. Never rejects. 1 Redis round trip, 2 with tags whose versions are not
   *  known here. When Redis is away, and was at the beginning: in memory. */
  store(value: unknown, storing: DerivedStoring): Promise<DerivedOutcome>
  /** Ends it, stored or not. Each one is ended. */
  end(): void
}

/** Entries made of other entries: an answer, a page, a report. They carry the tags of what they were made of, so that one invalidation reaches both. */
export interface DerivedEntries {
  /** Begins to make the value of `key`: what changes from here on, in any process, keeps it from being stored. 1 Redis round trip. Resolves also while Redis
   *  is away. `agoMs`: the work began this long ago, 0 by default; what then changed of the tags that are named when it is stored keeps it from being stored too.
   *  @throws HF_CACHE_KEY_INVALID, HF_CACHE_TAG_INVALID as rejections */
  begin(key: string, tags: readonly string[], agoMs?: number): Promise<Derivation>
  /** Drops the value everywhere, and keeps those that are being made, in any process, from being stored. 1 Redis round trip. When Redis is away: here at once,
   *  elsewhere as soon as it is back. @throws HF_CACHE_KEY_INVALID */
  drop(key: string): Promise<void>
  /** What is being made around this call was made of something whose tags nobody knows yet: it is not stored. */
  spoil(): void
}

/** The derived entries of a cache; read them by `get` and `peekShared`. They live among its other entries. */
export function derivedEntries(cache: TieredCache): DerivedEntries {
  return findParts(cache).derived
}
