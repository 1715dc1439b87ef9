import { createHash } from 'node:crypto'
import { checkInvalidatedTags, derivedEntries, type TieredCache } from '../cache/index.ts'
import { type Clock, isHoldfastError, systemClock } from '../core/index.ts'
import type { Holdfast } from '../runtime/index.ts'

/** Gives what `holdfast()` made in this process. Asked for when an entry is first needed, and never while Next.js builds, so that a build needs no Redis. */
export type HoldfastSource<Part extends keyof Holdfast> = () => Pick<Holdfast, Part> | Promise<Pick<Holdfast, Part>>

/** Settings of the handlers that Next.js is given. */
export interface NextCacheOptions {
  /** Default: the system's. Tests pass their own. */
  readonly clock?: Clock
}

/** The longest that an entry is kept, however long Next.js would use it. Well below {@link STAMP_TTL}, of which a cache may cut off half (`jitter`). */
export const LONGEST_MS: number = 14 * 86_400_000
/** How long it is remembered that a path was revalidated. */
const STAMP_TTL = '31d'
/** Next.js gives the routes that something belongs to as tags that begin so; an entry need not carry those of all routes that read it. */
const PATH_TAG = '_N_T_'
/** Keys longer than this are kept by their hash. The cache allows 1,024 characters. */
const READABLE_LENGTH = 500

/** True in the process that runs `next build`: it neither reads nor stores. */
export function isBuilding(): boolean {
  return process.env.NEXT_PHASE === 'phase-production-build'
}

/** How an entry is stored. */
export interface NextStoring {
  readonly aliveMs: number
  /** All that it depends on. More than an entry may have, or one that is none: it is not stored, because nothing could drop it. */
  readonly tags: readonly string[]
  /** How long ago the work that made it began. */
  readonly agoMs: number
}

/** Entries of Next.js in the data cache. Reading and storing never fail for a reason of the cache. */
export class NextEntries {
  readonly clock: Clock
  readonly #open: HoldfastSource<'cache'>

  constructor(open: HoldfastSource<'cache'>, { clock = systemClock }: NextCacheOptions) {
    this.#open = open
    this.clock = clock
  }

  async read<T>(key: string): Promise<T | undefined> {
    const { cache } = await this.#open()
    return cache.get<T>(key)
  }

  /** Nothing usable was found: an answer of the response cache that is being made of the new entry cannot know its tags, and is not stored this time. */
  async missed(): Promise<undefined> {
    derivedEntries((await this.#open()).cache as TieredCache).spoil()
  }

  /** Stores unless one of the tags was invalidated since the work began. */
  async store(key: string, value: unknown, { aliveMs, tags, agoMs }: NextStoring): Promise<void> {
    const { cache } = await this.#open()
    const making = await derivedEntries(cache as TieredCache).begin(key, [], agoMs)
    try {
      await making.store(value, { aliveMs: Math.min(aliveMs, LONGEST_MS), tags, inherited: [] })
    } finally {
      making.end()
    }
  }

  /** Drops what carries one of the tags: entries of Next.js, of the data cache, and stored answers. */
  async invalidate(tags: readonly string[]): Promise<void> {
    const { cache } = await this.#open()
    const nowMs = this.clock.nowMs()
    const stamps = tags.filter(tag => tag.startsWith(PATH_TAG)).map(tag => [stampKey(tag), nowMs] as const)
    if (stamps.length > 0) await cache.setMany(stamps, { ttl: STAMP_TTL })
    await cache.invalidateTags(...tags.filter(isTag))
  }

  /** When one of the paths among the tags was last revalidated; 0 for never. */
  async revalidatedAtMs(tags: readonly string[]): Promise<number> {
    const paths = tags.filter(tag => tag.startsWith(PATH_TAG))
    if (paths.length === 0) return 0
    const { cache } = await this.#open()
    return Math.max(0, ...(await cache.getMany<number>(paths.map(stampKey))).values())
  }
}

/** A key of the cache from one of Next.js, which may be of any length. */
export function entryKey(kind: string, key: string): string {
  return `next:${kind}:${key.length <= READABLE_LENGTH ? key : hashOf(key)}`
}

/** A key that shows nothing: arguments of a cached function may be private, and keys are seen by the console and the command line. */
export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('base64url')
}

function stampKey(tag: string): string {
  return entryKey('revalidated', tag)
}

/** No entry carries what is no tag. */
function isTag(tag: string): boolean {
  try {
    return checkInvalidatedTags([tag]).length === 1
  } catch (error) {
    if (isHoldfastError(error)) return false
    throw error
  }
}
