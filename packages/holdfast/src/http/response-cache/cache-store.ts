import { type Derivation, derivedEntries, type TieredCache } from '../../cache/index.ts'
import { type Logger, MAX_TAGS } from '../../core/index.ts'
import type { FillTicket, ResponseStore, StoredVariants, StoreOutcome } from './response-store.ts'
import type { StoredResponse } from './stored-response.ts'

/** Sets answers of the response cache apart from other entries of the same cache. */
const PREFIX = 'http:'

/** Of the shape of what is stored. What another version wrote is absent: two versions share a Redis while a deploy rolls. Raise it with each change of
 *  {@link StoredVariants}. */
const FORMAT = 2

interface Kept extends StoredVariants {
  readonly format: number
}

function ofThisFormat(kept: Kept | undefined): StoredVariants | undefined {
  return kept?.format === FORMAT ? kept : undefined
}

/** Keeps responses in the data cache: in this process, and in Redis when there is one. What the cache refuses is logged and not stored: the answer is made already. */
export function createCacheStore(cache: TieredCache, logger: Logger): ResponseStore {
  const derived = derivedEntries(cache)
  return {
    peek: key => ofThisFormat(cache.peekShared<Kept>(PREFIX + key)),
    find: async key => ofThisFormat(await cache.get<Kept>(PREFIX + key)),
    begin: async (key, tags) => {
      try {
        return new Ticket(await derived.begin(PREFIX + key, tags), logger)
      } catch (error) {
        logger.warn({ err: error }, 'response cache: a response will not be stored')
        return NOTHING_STORED
      }
    },
    end: ticket => (ticket as Ticket).end(),
    drop: key => derived.drop(PREFIX + key),
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
    const value: Kept = { format: FORMAT, varyBy, responses: [own, ...kept] }
    const outcome = await this.#derivation.store(value, { aliveMs, tags: own.tags, inherited })
    if (outcome === 'refused') this.#logger.warn({}, 'response cache: a response could not be stored')
    return outcome
  }

  end(): void {
    this.#derivation.end()
  }
}

/** The other variants for whose tags there is room: one entry holds all variants of a URL, and carries the tags of all. */
function fitting(own: StoredResponse, others: readonly StoredResponse[]): { kept: readonly StoredResponse[]; inherited: readonly string[] } {
  const all = new Set(own.tags)
  const inherited = new Set<string>()
  const kept = others.filter(({ tags }) => {
    if (new Set([...all, ...tags]).size > MAX_TAGS) return false
    for (const tag of tags) {
      all.add(tag)
      inherited.add(tag)
    }
    return true
  })
  return { kept, inherited: [...inherited] }
}

const NOTHING_STORED: FillTicket & { end(): void } = {
  run: work => work(),
  tags: () => [],
  readCurrent: async () => undefined,
  put: async () => 'refused',
  end: () => undefined,
}
