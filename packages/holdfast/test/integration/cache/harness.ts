import { type Clock, delay, systemClock } from 'holdfast/core'
import { createRegistry, type Registry } from 'holdfast/telemetry'
import { Redis } from 'ioredis'
import { type CacheOptions, createTieredCache, type RedisOption, type TieredCache } from '../../../src/cache/index.ts'

/** The Redis of the run. */
export const REDIS_URL: string = process.env.HOLDFAST_TEST_REDIS_URL!

let namespaces = 0

/** A namespace that no other test uses. */
export function newNamespace(): string {
  return `test-${process.pid}-${namespaces++}`
}

/** A cache with a way to read its counters. */
export interface TestCache extends AsyncDisposable {
  readonly cache: TieredCache
  readonly registry: Registry
  count(name: string, ...labels: string[]): number
}

/** A started cache; dispose it. `skewMs` puts its host's wall clock wrong. */
export async function openCache(options: CacheOptions, url: RedisOption = REDIS_URL, skewMs = 0): Promise<TestCache> {
  const registry = createRegistry()
  const clock: Clock = skewMs === 0 ? systemClock : { ...systemClock, nowMs: () => Date.now() + skewMs }
  const cache = createTieredCache({ jitter: 0, ...options }, { redis: url, registry, clock })
  await cache.start()
  return {
    cache,
    registry,
    count: (name, ...labels) =>
      registry
        .snapshot()
        .find(family => family.name === name)
        ?.series.find(series => series.labels.join() === labels.join())?.value ?? 0,
    [Symbol.asyncDispose]: () => cache.stop(),
  }
}

/** Looks every few milliseconds until `check` holds. Returns how long it took. */
export async function until(check: () => boolean | Promise<boolean>, limitMs = 5000): Promise<number> {
  const startedAtMs = performance.now()
  while (!(await check())) {
    if (performance.now() - startedAtMs > limitMs) throw new Error(`not within ${limitMs} ms: ${check}`)
    await pause(5)
  }
  return performance.now() - startedAtMs
}

/** Reads until the value stays in this cache's memory: the news of the write itself has come by then. */
export async function settleInMemory({ cache }: TestCache, key: string, value: unknown): Promise<void> {
  await until(async () => {
    await cache.get(key)
    await pause(30)
    return cache.peek(key) === value
  })
}

/** Real time passes: for what Redis and the network do by themselves. */
export function pause(ms: number): Promise<void> {
  return delay(systemClock, ms)
}

/** A plain client, as another program would use. */
export function foreignClient(url: string = REDIS_URL): Redis {
  return new Redis(url)
}

/** A promise with its handle, to hold a loader where the test wants it. */
export function gate<T>(): { promise: Promise<T>; open: (value: T) => void } {
  let open: (value: T) => void = () => undefined
  const promise = new Promise<T>(resolve => {
    open = resolve
  })
  return { promise, open }
}
