import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTieredCache, type TieredCache } from '../../../src/cache/index.ts'
import { createPurgeQueue } from '../../../src/cdn/index.ts'
import type { PurgeQueue } from '../../../src/cdn/queue/purge-queue.ts'
import { newNamespace, REDIS_URL } from '../cache/harness.ts'

let database: ClonedDatabase
let pool: pg.Pool
let cache: TieredCache

beforeAll(async () => {
  database = await cloneDatabase({ name: 'cdn-dead' })
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  cache = createTieredCache({ namespace: newNamespace(), redisBudget: '5s' }, { redis: REDIS_URL, registry: createRegistry() })
  await cache.start()
})
afterAll(async () => {
  await cache.stop()
  await pool.end()
  await database.drop()
})

const EACH = 10_000
const AT_ONCE = 1000
const LIMIT = { perRequest: AT_ONCE, bucket: 'tag', counts: 'requests', burst: 1e9, perSec: 1e9 } as const

/** Has the purges of a provider given up, all that wait. */
async function giveUp(queue: PurgeQueue, provider: string): Promise<void> {
  for (;;) {
    const taken = await queue.take(provider, 'tag', LIMIT, 60_000)
    if (taken.length === 0) return
    await queue.bury(taken, provider, 'tag', 'refused')
  }
}

describe.each(['postgres', 'redis'] as const)('20,000 purges that were given up, in %s', store => {
  it('are sent again, and forgotten, by their ids in one call, for one CDN, and all together', async () => {
    const queue = createPurgeQueue(newNamespace(), store === 'postgres' ? pool : undefined, cache)
    await queue.open()
    for (const provider of ['cloudflare', 'fastly']) {
      for (let at = 0; at < EACH; at += AT_ONCE) {
        await queue.add(
          Array.from({ length: AT_ONCE }, (_, i) => ({ provider, lane: 'tag', subject: `fund:${at + i}` }) as const),
          1,
        )
      }
    }
    await new Promise(resolve => setTimeout(resolve, 5))
    for (const provider of ['cloudflare', 'fastly']) await giveUp(queue, provider)
    const counts = async () => (await queue.counts(['cloudflare', 'fastly'])).map(({ waiting, dead }) => [waiting, dead])
    expect(await counts()).toEqual([
      [0, EACH],
      [0, EACH],
    ])
    const ids = (await queue.dead(2 * EACH, undefined)).map(({ id }) => id)
    expect(ids).toHaveLength(2 * EACH)
    expect(await queue.replay({ ids })).toBe(2 * EACH)
    for (const provider of ['cloudflare', 'fastly']) await giveUp(queue, provider)
    // Those of the other CDN lie between them.
    expect(await queue.replay({ provider: 'fastly' })).toBe(EACH)
    expect(await counts()).toEqual([
      [0, EACH],
      [EACH, 0],
    ])
    await giveUp(queue, 'fastly')
    expect(await queue.discard({ ids: ids.slice(0, 100) })).toBe(100)
    expect(await queue.discard({ provider: 'cloudflare' })).toBeGreaterThanOrEqual(EACH - 100)
    await queue.discard({})
    expect(await counts()).toEqual([
      [0, 0],
      [0, 0],
    ])
  })
})
