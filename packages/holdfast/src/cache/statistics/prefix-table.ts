import { OVERFLOW_LABEL } from '../../telemetry/index.ts'
import { PrefixCounters } from './prefix-counters.ts'

/** Prefixes counted apart. With the label `result` of four values they stay below the registry's cap of 1,000 series. */
export const PREFIX_LIMIT = 200
/** Longest prefix counted apart: what is longer was not written by a programmer. */
const LONGEST_PREFIX = 64
/** Name of the keys without a `:` that are no plain name. They are not counted apart: a key may be an identifier, and there are too many of those. */
export const NO_PREFIX = '(none)'
/** A key such as `dashboard`, which is its own prefix. Identifiers hold digits. */
const PLAIN_NAME = /^[a-z][a-z_.-]{0,31}$/i

/** The prefix of a key: what stands before its first `:`, or the whole of a plain name. */
export function prefixOf(key: string): string {
  const end = key.indexOf(':')
  if (end <= 0) return PLAIN_NAME.test(key) ? key : NO_PREFIX
  return end > LONGEST_PREFIX ? OVERFLOW_LABEL : key.slice(0, end)
}

/** Counters by prefix: the first {@link PREFIX_LIMIT}, and `other` for the rest. Never grows beyond that. */
export class PrefixTable {
  readonly #counters = new Map<string, PrefixCounters>()
  readonly #other = new PrefixCounters(OVERFLOW_LABEL)

  /** The counters of the key's prefix. O(1). */
  of(key: string): PrefixCounters {
    const prefix = prefixOf(key)
    const known = this.#counters.get(prefix)
    if (known !== undefined) return known
    if (prefix === OVERFLOW_LABEL || this.#counters.size >= PREFIX_LIMIT) return this.#other
    // Copied: a slice would keep the whole key alive.
    const copy = Buffer.from(prefix).toString()
    const counters = new PrefixCounters(copy)
    this.#counters.set(copy, counters)
    return counters
  }

  /** All counters, `other` last and only when it counted something. */
  *all(): Generator<PrefixCounters> {
    yield* this.#counters.values()
    const { memoryHits, redisHits, misses, coalesced, fills } = this.#other
    if (memoryHits + redisHits + misses + coalesced + fills > 0) yield this.#other
  }
}
