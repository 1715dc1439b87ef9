import { randomBytes } from 'node:crypto'
import { delay } from '../../core/index.ts'
import type { CacheParts, RedisAccess } from '../cache-parts.ts'
import { cacheErrors } from '../errors.ts'
import { ADD, BEAT, LEAVE } from './known-ids.lua.ts'

/** What Redis tells a member about the filter. */
export interface FilterState {
  readonly isBuilt: boolean
  readonly ageMs: number
  /** Ids put in. */
  readonly count: number
  readonly bits: number
  readonly isBeingBuilt: boolean
}

/** The filter answers "absent" only while every member was heard of within this. */
export const TRUST_MS = 2000
/** A message that took longer than this to arrive is void: Redis may have been frozen with it in its socket, and it would say of then what is not so now. */
export const ON_ITS_WAY_MS = 500
/** A member that Redis cannot hear keeps the filter open, until it is forgotten a minute after this. It may not create ids unheard for longer. */
export const UNHEARD_LIMIT_MS = 600_000
const FORGET_MS = UNHEARD_LIMIT_MS + 60_000

/** This process as one that may create ids. An addition is written to Redis, or else this process stays silent until nobody trusts the filter any more. */
export class Membership {
  readonly #parts: CacheParts
  readonly #redis: RedisAccess
  readonly #key: string
  readonly #member = randomBytes(8).toString('hex')
  #hasJoined = false
  /** Additions that were not written, and how many of them a break has made good. */
  #unheard = 0
  #mended = 0
  /** When the last message was sent that says "trust me", on the monotonic clock. */
  #trustSentAtMs = Number.NEGATIVE_INFINITY
  #heardAtMs = Number.NEGATIVE_INFINITY

  constructor(parts: CacheParts, redis: RedisAccess, key: string) {
    this.#parts = parts
    this.#redis = redis
    this.#key = key
  }

  /** Says that this process lives. `undefined` when Redis did not hear it. Never rejects. */
  async beat(): Promise<FilterState | undefined> {
    if (!this.#redis.isUsable) return undefined
    const unheard = this.#unheard
    const mode = !this.#hasJoined ? 'first' : unheard > this.#mended ? 'break' : 'usual'
    const sentAtMs = this.#parts.clock.monotonicMs()
    if (mode !== 'break') this.#trustSentAtMs = sentAtMs
    const reply = (await this.#redis
      .run(BEAT, [this.#key], [this.#member, this.#redis.serverNowMs(this.#key), mode, TRUST_MS, ON_ITS_WAY_MS, FORGET_MS])
      .catch(() => undefined)) as number[] | undefined
    if (reply?.[0] !== 1) return undefined
    this.#hasJoined = true
    this.#mended = Math.max(this.#mended, mode === 'break' ? unheard : 0)
    this.#heardAtMs = sentAtMs
    const [, isBuilt, ageMs = 0, count = 0, bits = 0, , isBeingBuilt] = reply
    return { isBuilt: isBuilt === 1, ageMs, count, bits, isBeingBuilt: isBeingBuilt === 1 }
  }

  /** Resolves when no process can say "absent" of these ids any more. @throws HF_CACHE_KNOWN_IDS_AWAY */
  async add(hashes: readonly number[]): Promise<void> {
    if (await this.#write(hashes)) return
    this.#unheard++
    const { clock } = this.#parts
    const unheardMs = clock.monotonicMs() - this.#heardAtMs
    if (unheardMs > UNHEARD_LIMIT_MS) {
      const since = this.#hasJoined ? `for ${Math.round(unheardMs / 1000)} s (limit ${UNHEARD_LIMIT_MS / 1000} s)` : 'since this process started'
      throw cacheErrors.create('HF_CACHE_KNOWN_IDS_AWAY', `Redis was not reached ${since}, so other processes may say "absent" of a new id`)
    }
    // From here on only breaks are sent, and they drop the filter: nothing renews the trust.
    const leftMs = this.#trustSentAtMs + ON_ITS_WAY_MS + TRUST_MS - clock.monotonicMs()
    if (leftMs > 0) await delay(clock, leftMs)
  }

  /** After it the filter no longer waits for this process, unless additions were not written: then it stays silent. Never rejects. */
  async leave(): Promise<void> {
    if (this.#unheard > this.#mended) await this.beat()
    if (this.#hasJoined && this.#unheard <= this.#mended) await this.#redis.run(LEAVE, [this.#key], [this.#member]).catch(() => undefined)
  }

  async #write(hashes: readonly number[]): Promise<boolean> {
    for (let attempt = 0; attempt < 2; attempt++) {
      const mustBeat = !this.#hasJoined || this.#unheard > this.#mended || attempt > 0
      if (mustBeat && (await this.beat()) === undefined) return false
      // Another addition may have failed while the beat was under way: then this one would renew the trust.
      if (!this.#redis.isUsable || this.#unheard > this.#mended) return false
      this.#trustSentAtMs = this.#parts.clock.monotonicMs()
      const args = [this.#member, this.#redis.serverNowMs(this.#key), TRUST_MS, ON_ITS_WAY_MS, ...hashes]
      const reply = await this.#redis.run(ADD, [this.#key], args).catch(() => undefined)
      if (reply === 1) return true
      if (reply !== 0) return false
    }
    return false
  }
}
