import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type ClonedDatabase, cloneDatabase, type FakeApi, startCloudflare } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { cloudflare } from '../../../src/cdn/index.ts'
import { type Holdfast, holdfast } from '../../../src/runtime/index.ts'
import { bundleChild } from '../bundle-child.ts'
import { newNamespace, pause, REDIS_URL, until } from '../cache/harness.ts'

/** Replay a failure with it. */
const SEED = 20_261_129
const KILLS = 5

let database: ClonedDatabase
let pool: pg.Pool
let api: FakeApi

beforeAll(async () => {
  database = await cloneDatabase({ name: 'purging' })
  pool = new pg.Pool({ connectionString: database.url, max: 3 })
  await pool.query('create table changed (tag text primary key)')
  api = await startCloudflare({ burst: 500, perSec: 50 })
})
afterAll(async () => {
  await api[Symbol.asyncDispose]()
  await pool.end()
  await database.drop()
})

/** A generator that gives the same numbers each time (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

const provider = () => cloudflare({ zone: 'z1', token: 'cf-token', api: api.url, plan: 'enterprise' })
const open = (namespace: string, redis?: string): Promise<Holdfast<pg.Pool>> =>
  holdfast({
    pg: pool,
    redis,
    cache: { namespace },
    cdn: { providers: [provider()], collectFor: '100ms', secondPurgeAfter: '0ms', cacheGroups: true },
  })

it(`every tag that was committed or acknowledged reaches the CDN although its process is killed five times at random (seed ${SEED})`, async () => {
  const random = seeded(SEED)
  const namespace = newNamespace()
  const acknowledged: string[] = []
  const file = await bundleChild(new URL('purging-child.ts', import.meta.url))
  for (let run = 0; run < KILLS; run++) {
    const options = { databaseUrl: database.url, apiUrl: api.url, namespace, run }
    const child: ChildProcess = fork(file, [JSON.stringify(options)], { execArgv: [] })
    await once(child, 'message')
    const enough = acknowledged.length + 1 + Math.floor(random() * 8)
    child.on('message', ({ acknowledged: tag }: { acknowledged: string }) => acknowledged.push(tag))
    // The seed chooses after how much work it is killed, and how long after: that is the time which may pass.
    await until(() => acknowledged.length >= enough, 20_000)
    await pause(random() * 60)
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  // What was in hand is due again when its lease ends, and the outbox looks at what is old enough: time is moved, not waited for.
  await pool.query("update holdfast.cdn_purge set due_at = clock_timestamp() - interval '1 second'")
  await pool.query("update holdfast.invalidation set written_at = written_at - interval '1 minute'")
  const committed = (await pool.query('select tag from changed')).rows.map(row => row.tag as string)
  expect(committed.length).toBeGreaterThan(KILLS)

  const survivor = await open(namespace)
  const isOver = async (): Promise<boolean> => {
    const { rows } = await pool.query(
      'select (select count(*) from holdfast.invalidation)::int + (select count(*) from holdfast.cdn_purge)::int as left',
    )
    return rows[0].left === 0
  }
  await until(isOver, 15_000)
  await survivor.stop()
  const purged = new Set(api.purged)
  expect([...committed, ...acknowledged].filter(tag => !purged.has(`tag ${tag}`))).toEqual([])
  const rolledBack = api.purged.filter(name => /^tag \d+:\d*[49]$/.test(name))
  expect(rolledBack).toEqual([])
})

it('whatever the caches forget, the CDN forgets: by tag, by event of a transaction, by group, by URL, and as a whole', async () => {
  const namespace = newNamespace()
  const hf = await open(namespace, REDIS_URL)
  api.purged.length = 0
  await hf.cache.invalidateTags('by hand')
  await hf.pg.transaction(async tx => tx.invalidate('by-commit'))
  await hf.pg
    .transaction(async tx => {
      tx.invalidate('rolled-back')
      throw new Error('no')
    })
    .catch(() => undefined)
  await hf.responses.purge('https://zone.test/funds?b=1')
  const invalidating = new Response(null, { headers: { 'Cache-Group-Invalidation': '"by-group"' } })
  await hf.responses.fetch(new Request('https://zone.test/funds', { method: 'POST' }), () => invalidating)
  await hf.cache.clear()
  const all = ['tag by%20hand', 'tag by-commit', 'tag by-group', `tag holdfast:${namespace}`, 'url https://zone.test/funds?b=1']
  await until(() => api.purged.length >= all.length)
  expect([...api.purged].sort()).toEqual(all)
  expect(hf.health().reasons.filter(({ component }) => component === 'cdn')).toEqual([])
  await hf.stop()
})

it('a stored answer names to the CDN what it was made of, and one with more tags than the CDN reads is kept out of it', async () => {
  const namespace = newNamespace()
  const hf = await open(namespace, REDIS_URL)
  const get = (path: string, handler: () => Promise<Response>) => hf.responses.fetch(new Request(`https://zone.test${path}`), handler)
  const headers = { 'cache-control': 'public, max-age=60', 'cache-tag': 'own' }
  const handler = async () => new Response(String(await hf.cache.getOrSet('fund', () => 1, { tags: ['fund:7', 'a b'] })), { headers })
  for (const expected of ['MISS', 'HIT']) {
    const answer = await get('/fund', handler)
    expect([answer.headers.get('x-cache'), answer.headers.get('cache-tag'), answer.headers.get('cache-groups')]).toEqual([
      expected,
      `holdfast:${namespace},fund:7,a%20b,own`,
      `"holdfast:${namespace}", "fund:7", "a b", "own"`,
    ])
  }
  // Too large to be stored here, but not for a CDN.
  const large = await get('/large', async () => {
    await hf.cache.getOrSet('fund', () => 1, { tags: ['fund:7'] })
    return new Response('x'.repeat(1_100_000), { headers: { 'cache-control': 'public, max-age=60' } })
  })
  expect([large.headers.get('x-cache'), large.headers.get('cache-tag')]).toEqual(['MISS', `holdfast:${namespace},fund:7,a%20b`])
  const many = Array.from({ length: 60 }, (_, i) => `${i}-${'long'.repeat(60)}`)
  const over = await get('/over', async () => new Response('1', { headers: { ...headers, 'cache-tag': many.join(',') } }))
  expect([over.headers.get('cache-tag'), over.headers.get('cdn-cache-control'), over.headers.get('cache-control')]).toEqual([
    ...[null, 'no-store', 'public, max-age=60'],
  ])
  const mine = await get('/mine', async () => new Response('1', { headers: { 'cache-control': 'private' } }))
  expect(mine.headers.get('cache-tag')).toBe(null)
  await hf.stop()
})

it('refuses a CDN without anything that outlives the process, bad options, and hf.cdn where there is none', async () => {
  await expect(holdfast({ cdn: { providers: [provider()] } })).rejects.toThrow(/cdn: needs `pg`, or else `redis`/)
  const options = { providers: [provider(), provider()], collectFor: '1ms', secondPurgeAfter: '1h', attempts: 0, often: true } as const
  await expect(holdfast({ pg: pool, cdn: options })).rejects.toThrow(/cdn.often.*cdn.providers.*cdn.attempts.*cdn.collectFor.*cdn.secondPurgeAfter/)
  const without = await holdfast({ pg: pool })
  expect(() => without.cdn).toThrow(expect.objectContaining({ code: 'HF_CONFIG_NO_CDN' }))
  await without.stop()
})
