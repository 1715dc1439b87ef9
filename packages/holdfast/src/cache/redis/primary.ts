import type { HealthReason } from '../../core/index.ts'
import type { ServerAddress } from './cluster-view.ts'
import type { Coherence } from './coherence.ts'
import type { RedisLink } from './link.ts'
import type { BytesReader } from './read-queue.ts'

/** Reads of single keys. */
export interface KeyReader {
  /** Asks for the bytes under a Redis key. A share of 1 round trip. */
  ask(redisKey: string, reader: BytesReader): void
}

/** One Redis server that holds entries, with its breaker and its invalidation channel: the only one, or one of a cluster. */
export interface Primary {
  /** `undefined` for the only one. */
  readonly address: ServerAddress | undefined
  readonly link: RedisLink
  readonly coherence: Coherence
  readonly reader: KeyReader
}

/** The servers that hold entries. */
export interface Primaries {
  readonly isCluster: boolean
  /** The servers in use. */
  all(): readonly Primary[]
  /** The one that holds `redisKey`; `undefined` while that is not known. */
  ownerOf(redisKey: string): Primary | undefined
  /** Where to send again what was refused with `error`, because another member has the key. `undefined`: nowhere. */
  redirect(error: unknown, from: Primary): Redirection | undefined
  /** What is wrong with them as a group, beside what each has to say. */
  readonly problem: HealthReason | undefined
  /** Resolves when all are usable, or failed for the first time, or after `limitMs`. Never rejects. */
  start(limitMs: number): Promise<void>
  stop(): void
}

/** Another member. `isOnce`: for this command alone, because the slot is still on its way there. */
export interface Redirection {
  readonly primary: Primary
  readonly isOnce: boolean
}

/** The one server, which holds everything. */
export class SinglePrimary implements Primaries {
  readonly isCluster = false
  readonly problem = undefined
  readonly #primary: Primary
  readonly #all: readonly [Primary]

  constructor(primary: Primary) {
    this.#primary = primary
    this.#all = [primary]
  }

  all(): readonly [Primary] {
    return this.#all
  }

  ownerOf(): Primary {
    return this.#primary
  }

  redirect(): undefined {
    return undefined
  }

  async start(limitMs: number): Promise<void> {
    this.#primary.coherence.start()
    await this.#primary.link.start(limitMs)
  }

  stop(): void {
    this.#primary.coherence.stop()
    this.#primary.link.stop()
  }
}
