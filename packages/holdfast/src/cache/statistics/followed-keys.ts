import { isCurrent, type TagSnapshot } from '../tag-table.ts'
import type { PrefixCounters } from './prefix-counters.ts'

interface Followed {
  readonly hash: number
  readonly filledAtMs: number
  readonly ttlMs: number
  readonly tags: TagSnapshot
}

/** Keys followed at once. */
const FOLLOWED_LIMIT = 1024
/** A fill that was not asked for again within this is forgotten: no fresh time would reasonably reach that far. */
const FORGET_AFTER_MS = 3_600_000
/** Least time before more keys are followed again after fewer were. */
const WIDEN_EVERY_MS = 60_000
const ALL = 2 ** 32

/** Follows a share of all keys chosen by hash, so that every fill and miss of a followed key is seen, and tells how long after its fill an expired entry
 *  was asked for again. When there are too many, the share is halved.
 *  @source Waldspurger et al., FAST 2015, "Efficient MRC construction with SHARDS", section 3: spatial sampling with a fixed number of keys */
export class FollowedKeys {
  readonly #followed = new Map<string, Followed>()
  #threshold = ALL
  #narrowedAtMs = 0

  /** A value was stored that is fresh for `ttlMs`. */
  filled(key: string, ttlMs: number, tags: TagSnapshot, nowMs: number): void {
    const hash = hashOf(key)
    if (hash >= this.#threshold) return
    // Set anew, so that the oldest fills come first.
    this.#followed.delete(key)
    this.#followed.set(key, { hash, filledAtMs: nowMs, ttlMs, tags })
    if (this.#followed.size > FOLLOWED_LIMIT) this.#narrow(nowMs)
    else if (this.#followed.size < FOLLOWED_LIMIT / 4 && this.#threshold < ALL && nowMs - this.#narrowedAtMs > WIDEN_EVERY_MS) {
      this.#threshold *= 2
      this.#narrowedAtMs = nowMs
    }
  }

  /** The key was asked for and nothing fresh was found. */
  missed(key: string, counters: PrefixCounters, nowMs: number): void {
    if (hashOf(key) >= this.#threshold) return
    counters.sampledMisses++
    const followed = this.#followed.get(key)
    if (followed === undefined) return
    const afterMs = nowMs - followed.filledAtMs
    // Before its time it was evicted, and with a tag that moved it was dropped on purpose: a longer time would change neither.
    if (afterMs >= followed.ttlMs && afterMs < FORGET_AFTER_MS && isCurrent(followed.tags)) counters.reread(afterMs)
    this.#followed.delete(key)
  }

  /** Redis answered: if our own fill is over, another process has stored the value since, and when is not known. */
  found(key: string, nowMs: number): void {
    if (hashOf(key) >= this.#threshold) return
    const followed = this.#followed.get(key)
    if (followed !== undefined && nowMs - followed.filledAtMs >= followed.ttlMs) this.#followed.delete(key)
  }

  /** The entry was dropped on purpose. */
  forget(key: string): void {
    this.#followed.delete(key)
  }

  get size(): number {
    return this.#followed.size
  }

  #narrow(nowMs: number): void {
    for (const [key, { filledAtMs }] of this.#followed) {
      if (nowMs - filledAtMs < FORGET_AFTER_MS) break
      this.#followed.delete(key)
    }
    if (this.#followed.size <= FOLLOWED_LIMIT) return
    this.#threshold /= 2
    this.#narrowedAtMs = nowMs
    for (const [key, { hash }] of this.#followed) if (hash >= this.#threshold) this.#followed.delete(key)
  }
}

/** FNV-1a with the last mixing step of MurmurHash3: the threshold compares the high bits, which FNV alone leaves uneven. */
function hashOf(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
