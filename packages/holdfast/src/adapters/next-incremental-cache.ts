import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../core/index.ts'
import { entryKey, type HoldfastSource, isBuilding, LONGEST_MS, type NextCacheOptions, NextEntries } from './next-entries.ts'

/** What Next.js 16 gives the handler of `cacheHandler` when it makes one, which it does for each request. */
export interface IncrementalCacheContext {
  readonly serverDistDir?: string
}

/** The part of an entry's context read here. */
export interface IncrementalGetContext {
  readonly kind: string
  readonly tags?: readonly string[]
  readonly softTags?: readonly string[]
}

/** The part of the context of a write read here. Lifetimes are in seconds; `false` for no end. */
export interface IncrementalSetContext {
  readonly fetchCache?: boolean
  readonly tags?: readonly string[]
  readonly cacheControl?: { readonly revalidate: number | false; readonly expire: number | undefined }
}

/** An entry as Next.js reads it. */
export interface IncrementalEntry {
  readonly lastModified: number
  // Next.js has a type for each kind of value; here they are carried, not looked into.
  // biome-ignore lint/suspicious/noExplicitAny: the caller's type is a union that only the caller can name
  readonly value: any
  readonly cacheControl?: { revalidate: number | false; expire: number | undefined }
}

/** The handler of `cacheHandler`, as Next.js 16 has it. */
export interface IncrementalCacheHandler {
  get(key: string, context: IncrementalGetContext): Promise<IncrementalEntry | null>
  set(key: string, data: object | null, context: IncrementalSetContext): Promise<void>
  revalidateTag(tags: string | string[], durations?: { expire?: number }): Promise<void>
  resetRequestCache(): void
}

interface KeptEntry {
  readonly lastModified: number
  readonly value: object | null
  readonly cacheControl?: IncrementalSetContext['cacheControl']
  /** Those of a `fetch`, which Next.js names at each read. */
  readonly tags: readonly string[]
}

const TAGS_HEADER = 'x-next-cache-tags'

/** A class for `cacheHandler` of next.config: pages, route handlers and `fetch` results that Next.js keeps (ISR) go to `hf.cache`, for all processes, under their
 *  tags. Export it as the default of a module that next.config names. Pages belong to one build; what `next build` rendered itself is made anew
 *  when it is first asked for. While Next.js builds it does nothing. */
export function incrementalCache(
  open: HoldfastSource<'cache'>,
  options: NextCacheOptions = {},
): new (
  context: IncrementalCacheContext,
) => IncrementalCacheHandler {
  const entries = new NextEntries(open, options)
  const renders = new Renders(entries.clock)
  return class HoldfastIncrementalCache implements IncrementalCacheHandler {
    readonly #build: string

    constructor({ serverDistDir }: IncrementalCacheContext) {
      this.#build = serverDistDir === undefined ? 'none' : buildId(serverDistDir)
    }

    async get(key: string, context: IncrementalGetContext): Promise<IncrementalEntry | null> {
      if (isBuilding()) return null
      const name = this.#nameOf(key, context.kind === 'FETCH')
      const kept = await entries.read<KeptEntry>(name)
      if (kept === undefined || !(await isFor(kept, context))) {
        renders.begun(name)
        await entries.missed()
        return null
      }
      const { lastModified, value, cacheControl } = kept
      const revalidate = cacheControl?.revalidate ?? (value as { revalidate?: number | false } | null)?.revalidate ?? 0
      // Next.js then makes a new one, now or in the background.
      if (revalidate !== false && lastModified + revalidate * 1000 <= entries.clock.nowMs()) renders.begun(name)
      return { lastModified, value, ...(cacheControl && { cacheControl }) }
    }

    async set(key: string, data: object | null, context: IncrementalSetContext): Promise<void> {
      if (isBuilding()) return
      const name = this.#nameOf(key, context.fetchCache === true)
      const agoMs = renders.takeAgoMs(name)
      const { cacheControl } = context
      let tags = tagsOf(data, context)
      // One `fetch` in two places may be given other tags in each; it depends on all of them.
      if (context.fetchCache) tags = [...new Set([...tags, ...((await entries.read<KeptEntry>(name))?.tags ?? [])])]
      const kept: KeptEntry = { lastModified: entries.clock.nowMs(), value: data, tags, ...(cacheControl && { cacheControl }) }
      const aliveMs = typeof cacheControl?.expire === 'number' ? cacheControl.expire * 1000 : LONGEST_MS
      await entries.store(name, kept, { aliveMs, tags, agoMs })
    }

    // As for `use cache`: what is invalidated is dropped at once, whatever `durations` would allow.
    async revalidateTag(tags: string | string[]): Promise<void> {
      if (!isBuilding()) await entries.invalidate([tags].flat())
    }

    resetRequestCache(): void {
      // Nothing is kept for a single request.
    }

    #nameOf(key: string, isFetch: boolean): string {
      return isFetch ? entryKey('fetch', key) : entryKey('page', `${this.#build}:${key}`)
    }
  }

  async function isFor({ lastModified, tags }: KeptEntry, { kind, tags: asked = [], softTags = [] }: IncrementalGetContext): Promise<boolean> {
    if (kind !== 'FETCH') return true
    if (!asked.every(tag => tags.includes(tag))) return false
    return (await entries.revalidatedAtMs([...asked, ...softTags])) <= lastModified
  }
}

/** What an entry depends on: a page says it in a field of its own, which no client sees. */
function tagsOf(data: object | null, context: IncrementalSetContext): readonly string[] {
  if (context.fetchCache) return context.tags ?? []
  const { headers } = (data ?? {}) as { readonly headers?: Readonly<Record<string, unknown>> }
  const named = headers?.[TAGS_HEADER]
  return typeof named === 'string' ? named.split(',').filter(tag => tag !== '') : []
}

const builds = new Map<string, string>()

/** Pages name the files of their build: those of another one would ask for what is not there any more. */
function buildId(serverDistDir: string): string {
  let id = builds.get(serverDistDir)
  if (id === undefined) {
    try {
      id = readFileSync(join(serverDistDir, '..', 'BUILD_ID'), 'utf8').trim()
    } catch {
      // `next dev` has none.
      id = 'none'
    }
    builds.set(serverDistDir, id)
  }
  return id
}

/** Keys whose making is noted at a time. Beyond them the oldest is forgotten, and an invalidation during its making may be missed. */
const RENDER_LIMIT = 10_000
/** A render noted longer ago than this was given up: another one has begun. */
const RENDER_MS = 60_000

/** When entries under way began to be made: Next.js does not say it when it stores them, and what was invalidated since must not be stored. */
class Renders {
  readonly #clock: Clock
  readonly #begunAtMs = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The entry is not there, or old. The first who finds that begins. */
  begun(key: string): void {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - (this.#begunAtMs.get(key) ?? Number.NEGATIVE_INFINITY) < RENDER_MS) return
    this.#begunAtMs.delete(key)
    this.#begunAtMs.set(key, nowMs)
    if (this.#begunAtMs.size > RENDER_LIMIT) this.#begunAtMs.delete(this.#begunAtMs.keys().next().value!)
  }

  /** How long ago the one that is stored now began. */
  takeAgoMs(key: string): number {
    const begunAtMs = this.#begunAtMs.get(key)
    this.#begunAtMs.delete(key)
    return begunAtMs === undefined ? 0 : this.#clock.monotonicMs() - begunAtMs
  }
}
