import { isOutage, toFault } from '../redis/fault.ts'
import type { Journal } from '../redis/journal.ts'
import type { Primaries } from '../redis/primary.ts'
import type { RedisNames } from '../redis/redis-names.ts'
import type { Router } from '../redis/router.ts'
import { STORE_UNFENCED } from './fence.lua.ts'

/** What fences need. */
export interface FenceDeps {
  readonly names: RedisNames
  readonly primaries: Primaries
  readonly router: Router
  readonly journal: Journal
  readonly senderId: string
}

/** Fences in Redis: one is put up when a derived entry is dropped, and who began to make the entry before cannot store it any more. */
export class Fences {
  readonly #deps: FenceDeps

  constructor(deps: FenceDeps) {
    this.#deps = deps
  }

  /** Puts one up. 1 round trip. @throws RedisFault */
  async put(key: string, token: string, ttlMs: number): Promise<void> {
    const fence = this.#fenceName(key)
    await this.#deps.router.send('delete', 'set', fence, [fence, token, 'px', ttlMs])
  }

  /** The one that stands, or null. 1 round trip. @throws RedisFault */
  async read(key: string): Promise<Buffer | null> {
    const fence = this.#fenceName(key)
    return (await this.#deps.router.send('read', 'get', fence, [fence])) as Buffer | null
  }

  /** Stores the entry if `fence` is what stands; whether it did. `undefined` when Redis did not say or refused; then the old entry is dropped as soon as it is
   *  back. 1 round trip. */
  async store(key: string, bytes: Buffer, ttlMs: number, fence: Buffer | null): Promise<boolean | undefined> {
    const { names, primaries, router, journal, senderId } = this.#deps
    const entry = names.keyPrefix + key + names.keySuffix
    const isSilent = primaries.ownerOf(entry)?.coherence.mode !== 'pubsub'
    const message = isSilent ? ['', ''] : [names.channel, `${senderId} ${entry}`]
    try {
      return (await router.run('fill', STORE_UNFENCED, [entry, this.#fenceName(key)], [fence ?? '', bytes, ttlMs, ...message])) === 1
    } catch (error) {
      if (isOutage(toFault(error).kind)) journal.addKey(key)
      return undefined
    }
  }

  #fenceName(key: string): string {
    const { fencePrefix, keySuffix } = this.#deps.names
    return fencePrefix + key + keySuffix
  }
}
