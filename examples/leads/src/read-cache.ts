import type { Duration } from 'holdfast/core'

/** The cache as the routes see it. `hf.cache` is one. */
export interface ReadCache {
  getOrSet<T>(key: string, load: () => Promise<T>, options: { ttl: Duration; tags?: readonly string[] }): Promise<T>
}

/** Loads every time: what the routes get when nothing is cached. */
export const noCache: ReadCache = { getOrSet: (_key, load) => load() }
