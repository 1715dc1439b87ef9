import { type Clock, type Logger, MAX_TAGS } from '../core/portable.ts'
import type { FillTicket, ResponseStore, StoredVariants, StoreOutcome } from '../http/response-cache/response-store.ts'
import type { StoredResponse } from '../http/response-cache/stored-response.ts'
import { fitting } from '../http/response-cache/variant-tags.ts'
import { decodeFrame, encodeFrame, type Frame } from './frame.ts'
import type { EdgeCacheLike } from './platform.ts'
import type { PurgeMark, PurgeMarks } from './purge-marks.ts'
import { digestOf, hostOf, LONGEST_KEPT_SEC } from './slots.ts'

/** What is purged on one host. */
export type Purged = 'everything' | { readonly keys: readonly string[]; readonly tags: readonly string[] }

/** A response store whose contents can be purged from outside. */
export interface EdgeStore extends ResponseStore {
  /** False when some of it could not be noted, so that it may still be served. */
  purge(host: string, purged: Purged): Promise<boolean>
}

/** What the store works with. */
export interface EdgeStoreDeps {
  readonly openCache: () => Promise<EdgeCacheLike>
  readonly marks: PurgeMarks
  readonly clock: Clock
  readonly logger: Logger
}

/** A purge of a tag that came up with the answer counts as later than the request when it was up to this long before: clocks of machines differ. */
const CLOCK_MARGIN_MS = 1000
/** All variants of a URL together; older ones leave. An isolate has 128 MB for everything. */
const FRAME_LIMIT_BYTES = 16 * 1024 * 1024
/** As much of `Cache-Tag` as Cloudflare reads. @source developers.cloudflare.com/cache/how-to/purge-cache/purge-by-tags */
const CACHE_TAG_LIMIT_BYTES = 16_384

const EVERYTHING = 'everything'

/** Keeps responses in the Cache API, where all isolates of a data center find them. There is no copy in an isolate that a purge elsewhere could not reach. */
export function createEdgeStore(deps: EdgeStoreDeps): EdgeStore {
  const { marks, clock, logger } = deps
  const entries = new Entries(deps)
  const forget = async (host: string, names: readonly string[]): Promise<void> => {
    if (!(await marks.raise(host, names)))
      logger.warn({ host }, 'edge worker: what an answer made old may still be served, because it could not be noted')
  }
  return {
    peek: () => undefined,
    find: async key => (await entries.read(key))?.variants,
    begin: async (key, tags) => {
      const takenAtMs = clock.nowMs()
      return new Ticket(entries, marks, key, tags, takenAtMs, await marks.current(hostOf(key), namesOf(key, tags)))
    },
    end: () => undefined,
    drop: async key => {
      await forget(hostOf(key), [keyName(key)])
      await entries.remove(key)
    },
    invalidate: async (tags, key) => {
      if (tags.length > 0) await forget(hostOf(key), tags.map(tagName))
    },
    purge: async (host, purged) => {
      if (purged === 'everything') return marks.raise(host, [EVERYTHING])
      const isNoted = await marks.raise(host, [...purged.keys.map(keyName), ...purged.tags.map(tagName)])
      await Promise.all(purged.keys.map(key => entries.remove(key)))
      return isNoted
    },
  }
}

/** Frames in the Cache API. */
class Entries {
  readonly #deps: EdgeStoreDeps

  constructor(deps: EdgeStoreDeps) {
    this.#deps = deps
  }

  /** What is stored and not purged. What cannot be read is absent. */
  async read(key: string): Promise<Frame | undefined> {
    try {
      const cache = await this.#deps.openCache()
      const response = await cache.match(await urlOf(key))
      const frame = response && decodeFrame(new Uint8Array(await response.arrayBuffer()))
      if (frame === undefined) return undefined
      const now = await this.#deps.marks.recent(hostOf(key), Object.keys(frame.marks))
      return Object.entries(frame.marks).every(([name, id]) => now.get(name)?.id === id) ? frame : undefined
    } catch {
      return undefined
    }
  }

  /** False when the platform did not take it. */
  async write(key: string, frame: Frame, tags: readonly string[], aliveMs: number): Promise<boolean> {
    const cacheTag = tags.join(',')
    const keptSec = Math.min(LONGEST_KEPT_SEC, Math.ceil(aliveMs / 1000))
    const headers = {
      'cache-control': `max-age=${keptSec}`,
      'content-type': 'application/octet-stream',
      // By this Cloudflare's own purge by tag finds it, in all data centers.
      ...(cacheTag !== '' && cacheTag.length <= CACHE_TAG_LIMIT_BYTES && VISIBLE.test(cacheTag) ? { 'cache-tag': cacheTag } : {}),
    }
    try {
      await (await this.#deps.openCache()).put(await urlOf(key), new Response(encodeFrame(frame), { headers }))
      return true
    } catch {
      return false
    }
  }

  async remove(key: string): Promise<void> {
    try {
      await (await this.#deps.openCache()).delete(await urlOf(key))
    } catch {
      // Its mark keeps it from being served.
    }
  }
}

class Ticket implements FillTicket {
  readonly #entries: Entries
  readonly #marks: PurgeMarks
  readonly #key: string
  readonly #tags: readonly string[]
  readonly #takenAtMs: number
  /** The marks of all that was known before the origin was asked. */
  readonly #before: ReadonlyMap<string, PurgeMark>
  /** What {@link readCurrent} found. */
  #found: Frame | undefined

  constructor(entries: Entries, marks: PurgeMarks, key: string, tags: readonly string[], takenAtMs: number, before: ReadonlyMap<string, PurgeMark>) {
    this.#entries = entries
    this.#marks = marks
    this.#key = key
    this.#tags = tags
    this.#takenAtMs = takenAtMs
    this.#before = before
  }

  run<T>(work: () => T): T {
    return work()
  }

  tags(): readonly string[] {
    return this.#tags
  }

  async readCurrent(): Promise<StoredVariants | undefined> {
    this.#found = await this.#entries.read(this.#key)
    return this.#found?.variants
  }

  async put({ varyBy, responses }: StoredVariants, aliveMs: number): Promise<StoreOutcome> {
    const [own, ...others] = responses
    if (own === undefined || own.tags.length > MAX_TAGS) return 'tags'
    const roomy = fitting(own, others)
    const now = await this.#marks.current(hostOf(this.#key), namesOf(this.#key, [...own.tags, ...roomy.inherited]))
    if (!namesOf(this.#key, own.tags).every(name => this.#isUnchanged(name, now.get(name)!))) return 'outdated'
    // The others are as old as what they were read from.
    const kept = roomy.kept.filter(({ tags }) => namesOf(this.#key, tags).every(name => this.#found?.marks[name] === now.get(name)!.id))
    const variants = { varyBy, responses: withinLimit([own, ...kept]) }
    const tags = [...new Set(variants.responses.flatMap(response => response.tags))]
    const marks = Object.fromEntries(namesOf(this.#key, tags).map(name => [name, now.get(name)!.id]))
    return (await this.#entries.write(this.#key, { variants, marks }, tags, aliveMs)) ? 'stored' : 'refused'
  }

  /** A tag that came up with the answer has no mark from before; there the time of its last purge decides. */
  #isUnchanged(name: string, now: PurgeMark): boolean {
    const before = this.#before.get(name)
    return before === undefined ? now.atMs < this.#takenAtMs - CLOCK_MARGIN_MS : before.id === now.id
  }
}

const VISIBLE = /^[!-~]+$/

/** The newest, and of the others as many as there is room for. */
function withinLimit(responses: readonly StoredResponse[]): StoredResponse[] {
  let sizeBytes = 0
  return responses.filter(({ body }) => {
    sizeBytes += body.byteLength
    return sizeBytes <= FRAME_LIMIT_BYTES || body === responses[0]?.body
  })
}

/** Names of the marks that an entry depends on. */
function namesOf(key: string, tags: readonly string[]): string[] {
  return [EVERYTHING, keyName(key), ...tags.map(tagName)]
}

function keyName(key: string): string {
  return `key ${key}`
}

function tagName(tag: string): string {
  return `tag ${tag}`
}

async function urlOf(key: string): Promise<string> {
  return `https://${hostOf(key)}/.holdfast/hf-entry-${await digestOf(key)}`
}
