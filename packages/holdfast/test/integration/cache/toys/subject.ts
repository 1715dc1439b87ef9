import { createTieredCache } from '../../../../src/cache/index.ts'
import { systemClock } from '../../../../src/core/index.ts'
import { createRegistry } from '../../../../src/telemetry/index.ts'

/** What a trap can ask of any cache, a toy or the real one. */
export interface Subject {
  getOrSet<T>(key: string, load: () => Promise<T> | T, options?: { ttlMs?: number; tags?: string[] }): Promise<T>
  delete(key: string): Promise<unknown>
  invalidateTag(tag: string): Promise<unknown>
  stop(): Promise<unknown>
}

/** Where a subject lives. */
export interface Site {
  readonly url: string
  readonly namespace: string
  /** How far this host's wall clock is ahead. */
  readonly skewMs?: number
  /** Most entries in memory. */
  readonly maxEntries?: number
}

export type MakeSubject = (site: Site) => Promise<Subject>

/** Names that the proxy tells connections by. */
export const DATA = 'holdfast-cache'
export const INVALIDATION = 'holdfast-cache-invalidation'

export const makeHoldfast: MakeSubject = async ({ url, namespace, skewMs = 0, maxEntries = 10_000 }) => {
  const clock = { ...systemClock, nowMs: () => Date.now() + skewMs }
  const cache = createTieredCache({ namespace, jitter: 0, l1: { maxEntries } }, { redis: url, registry: createRegistry(), clock })
  await cache.start()
  return {
    getOrSet: (key, load, { ttlMs = 60_000, tags = [] } = {}) => cache.getOrSet(key, load, { ttl: `${ttlMs}ms`, tags }),
    delete: key => cache.delete(key),
    invalidateTag: tag => cache.invalidateTags(tag),
    stop: () => cache.stop(),
  }
}
