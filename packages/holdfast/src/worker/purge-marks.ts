import type { Clock } from '../core/index.ts'
import type { EdgeCacheLike, KvLike } from './platform.ts'
import { digestOf, LONGEST_KEPT_SEC } from './slots.ts'

/** When something was last purged, by name: a key, a tag, or everything. */
export interface PurgeMark {
  /** Differs after every purge; empty when there was none. */
  readonly id: string
  /** When the latest was, wall clock; 0 when there was none. */
  readonly atMs: number
}

export const NEVER: PurgeMark = { id: '', atMs: 0 }

/** A mark that was read serves the hits of this isolate for so long. A purge through another isolate takes so long to be seen by it. */
const MEMO_MS = 1000
const MEMO_LIMIT = 10_000
/** KV keeps what it read in each data center for so long. The least that it allows. @source developers.cloudflare.com/kv/platform/limits, "Minimum cacheTtl" */
const KV_TTL_SEC = 30
/** Marks outlive everything that was stored before them. */
const MARK_TTL_SEC = LONGEST_KEPT_SEC + 86_400

/** Marks of one host. Each is an entry in the cache of this data center and, where there is a KV namespace, a value there for all data centers: a purge is seen here at
 *  once, and elsewhere when KV has it. Never rejects: a mark that cannot be read counts as just raised, so that nothing old is served for want of it. */
export class PurgeMarks {
  readonly #openCache: () => Promise<EdgeCacheLike>
  readonly #kv: KvLike | undefined
  readonly #clock: Clock
  readonly #memo = new Map<string, { readonly mark: PurgeMark; readonly readAtMs: number }>()
  /** Counts beginnings and ends of raising: a mark that was read across one may be old, and is not remembered. */
  #raises = 0

  constructor(openCache: () => Promise<EdgeCacheLike>, kv: KvLike | undefined, clock: Clock) {
    this.#openCache = openCache
    this.#kv = kv
    this.#clock = clock
  }

  /** The marks of these names, at most a second old. */
  async recent(host: string, names: readonly string[]): Promise<ReadonlyMap<string, PurgeMark>> {
    const nowMs = this.#clock.nowMs()
    const found = new Map<string, PurgeMark>()
    const missing: string[] = []
    for (const name of names) {
      const memo = this.#memo.get(`${host} ${name}`)
      if (memo !== undefined && nowMs - memo.readAtMs < MEMO_MS) found.set(name, memo.mark)
      else missing.push(name)
    }
    if (missing.length > 0) for (const [name, mark] of await this.current(host, missing)) found.set(name, mark)
    return found
  }

  /** The marks of these names as they are now. 1 read of the cache each, and 1 of KV for all. */
  async current(host: string, names: readonly string[]): Promise<ReadonlyMap<string, PurgeMark>> {
    const raises = this.#raises
    const slots = await Promise.all(names.map(async name => ({ name, slot: await slotOf(host, name) })))
    const [here, everywhere] = await Promise.all([
      Promise.all(slots.map(({ slot }) => this.#readHere(host, slot))),
      this.#readKv(slots.map(({ slot }) => slot)),
    ])
    const marks = new Map<string, PurgeMark>()
    slots.forEach(({ name, slot }, i) => {
      const mark = joined(here[i]!, everywhere === undefined ? this.#unknown() : parseMark(everywhere.get(slot)))
      if (raises === this.#raises) this.#remember(host, name, mark)
      marks.set(name, mark)
    })
    return marks
  }

  /** Marks these names as purged now. False when it could not be noted everywhere that it should be. */
  async raise(host: string, names: readonly string[]): Promise<boolean> {
    const mark = `${this.#clock.nowMs()}.${crypto.randomUUID()}`
    this.#raises++
    const noted = await Promise.all(
      names.map(async name => {
        const slot = await slotOf(host, name)
        const here = this.#openCache().then(cache => cache.put(urlOf(host, slot), markResponse(mark)))
        const everywhere = this.#kv?.put(slot, mark, { expirationTtl: MARK_TTL_SEC })
        const outcomes = await Promise.allSettled([here, everywhere])
        return outcomes.every(({ status }) => status === 'fulfilled')
      }),
    )
    this.#raises++
    for (const name of names) this.#memo.delete(`${host} ${name}`)
    return noted.every(Boolean)
  }

  async #readHere(host: string, slot: string): Promise<PurgeMark> {
    try {
      const cache = await this.#openCache()
      const response = await cache.match(urlOf(host, slot))
      return parseMark(await response?.text())
    } catch {
      return this.#unknown()
    }
  }

  async #readKv(slots: string[]): Promise<ReadonlyMap<string, string | null> | undefined> {
    if (this.#kv === undefined) return NO_MARKS
    try {
      return await this.#kv.get(slots, { type: 'text', cacheTtl: KV_TTL_SEC })
    } catch {
      return undefined
    }
  }

  /** Equal to no mark that an answer was stored with. */
  #unknown(): PurgeMark {
    return { id: crypto.randomUUID(), atMs: this.#clock.nowMs() }
  }

  #remember(host: string, name: string, mark: PurgeMark): void {
    if (this.#memo.size >= MEMO_LIMIT) this.#memo.clear()
    this.#memo.set(`${host} ${name}`, { mark, readAtMs: this.#clock.nowMs() })
  }
}

const NO_MARKS: ReadonlyMap<string, string | null> = new Map()

async function slotOf(host: string, name: string): Promise<string> {
  return `hf-mark-${await digestOf(`${host} ${name}`)}`
}

function urlOf(host: string, slot: string): string {
  return `https://${host}/.holdfast/${slot}`
}

function markResponse(mark: string): Response {
  return new Response(mark, { headers: { 'cache-control': `max-age=${MARK_TTL_SEC}` } })
}

function parseMark(text: string | null | undefined): PurgeMark {
  if (typeof text !== 'string') return NEVER
  return { id: text, atMs: Number.parseInt(text, 10) || 0 }
}

/** Either one being raised raises both. */
function joined(here: PurgeMark, everywhere: PurgeMark): PurgeMark {
  return everywhere === NEVER ? here : { id: `${here.id}|${everywhere.id}`, atMs: Math.max(here.atMs, everywhere.atMs) }
}
