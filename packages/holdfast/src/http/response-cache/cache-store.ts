import { type Derivation, derivedEntries, type TieredCache } from '../../cache/index.ts'
import { type Logger, MAX_TAGS } from '../../core/index.ts'
import { type FillTicket, type ResponseStore, STORED_FORMAT, type StoredVariants, type StoreOutcome } from './response-store.ts'
import { fitting } from './variant-tags.ts'

/** Begins the keys that a store is given: it sets answers of the response cache apart from other entries of the same cache. */
export const KEY_PREFIX = 'http:'

interface Kept extends StoredVariants {
  readonly format: number
}

function ofThisFormat(kept: Kept | undefined): StoredVariants | undefined {
  return kept?.format === STORED_FORMAT ? kept : undefined
}

/** Keeps responses in the data cache: in this process, and in Redis when there is one. What the cache refuses is logged and not stored: the answer is made already. */
export function createCacheStore(cache: TieredCache, logger: Logger): ResponseStore {
  const derived = derivedEntries(cache)
  return {
    peek: key => ofThisFormat(cache.peekShared<Kept>(key)),
    find: async key => ofThisFormat(await cache.get<Kept>(key)),
    begin: async (key, tags) => {
      try {
        return new Ticket(await derived.begin(key, tags), logger)
      } catch (error) {
        logger.warn({ err: error }, 'response cache: a response will not be stored')
        return NOTHING_STORED
      }
    },
    end: ticket => (ticket as Ticket).end(),
    drop: key => derived.drop(key),
    invalidate: async tags => {
      if (tags.length > 0) await cache.invalidateTags(...tags)
    },
  }
}

class Ticket implements FillTicket {
  readonly #derivation: Derivation
  readonly #logger: Logger

  constructor(derivation: Derivation, logger: Logger) {
    this.#derivation = derivation
    this.#logger = logger
  }

  run<T>(work: () => T): T {
    return this.#derivation.run(work)
  }

  tags(): readonly string[] {
    return this.#derivation.tags
  }

  async readCurrent(): Promise<StoredVariants | undefined> {
    return ofThisFormat(await this.#derivation.readCurrent<Kept>())
  }

  async put({ varyBy, responses }: StoredVariants, aliveMs: number): Promise<StoreOutcome> {
    const [own, ...others] = responses
    if (own === undefined || own.tags.length > MAX_TAGS) return 'tags'
    const { kept, inherited } = fitting(own, others)
    const value: Kept = { format: STORED_FORMAT, varyBy, responses: [own, ...kept] }
    const outcome = await this.#derivation.store(value, { aliveMs, tags: own.tags, inherited })
    if (outcome === 'refused') this.#logger.warn({}, 'response cache: a response could not be stored')
    return outcome
  }

  end(): void {
    this.#derivation.end()
  }
}

const NOTHING_STORED: FillTicket & { end(): void } = {
  run: work => work(),
  tags: () => [],
  readCurrent: async () => undefined,
  put: async () => 'refused',
  end: () => undefined,
}
