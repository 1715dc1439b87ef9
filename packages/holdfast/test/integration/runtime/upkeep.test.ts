import { cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { expect, it } from 'vitest'
import { holdfast } from '../../../src/runtime/index.ts'
import { newNamespace, REDIS_URL } from '../cache/harness.ts'

it('refreshes a view beside the pool and drops its tags from the cache of other processes; archives; says so in health', async () => {
  const database = await cloneDatabase({ name: 'upkeep' })
  const pool = new pg.Pool({ connectionString: database.url, max: 1, statement_timeout: 1000 })
  await pool.query(`create table call (id int primary key, at timestamptz not null); insert into call select n, now() - n * interval '1 day' from generate_series(1, 20) n;
    create materialized view summary as select 1 as one, count(*)::int as calls from call; create unique index on summary (one)`)
  const namespace = newNamespace()
  const options = { redis: REDIS_URL, cache: { namespace, ttl: '10m' as const } }
  const archive = [{ name: 'old', table: 'call', action: 'delete' as const, olderThan: { column: 'at', age: '10.5d' as const } }]
  const hf = await holdfast({ ...options, pg: pool, upkeep: { views: [{ view: 'summary', tags: ['calls'] }, { view: 'gone' }], archive } })
  const other = await holdfast(options)
  const read = (): Promise<number> =>
    other.cache.getOrSet('calls', async () => (await pool.query('select calls from summary')).rows[0].calls, { tags: ['calls'] })
  expect(await read()).toBe(20)

  // The only connection of the pool is taken meanwhile: the upkeep needs none of it.
  const held = await pool.connect()
  const watched = hf.pg.statements().length
  expect(await hf.upkeep.archive.run('old')).toMatchObject({ rowCount: 10 })
  expect(await hf.upkeep.views.refresh('summary')).toMatchObject({ rowCount: 1, invalidation: 'done' })
  expect(hf.pg.statements()).toHaveLength(watched)
  held.release()
  await expect.poll(read).toBe(10)
  expect(hf.health().status).toBe('ok')
  await expect(hf.upkeep.views.refresh('gone')).rejects.toMatchObject({ code: 'HF_PG_TABLE_UNKNOWN' })
  expect(hf.health()).toMatchObject({ status: 'degraded', reasons: [{ why: expect.stringContaining('gone could not be refreshed') }] })
  expect(() => other.upkeep).toThrow(expect.objectContaining({ code: 'HF_CONFIG_NO_POSTGRES' }))
  await expect(holdfast({ upkeep: {} })).rejects.toMatchObject({ code: 'HF_CONFIG_INVALID' })

  await Promise.all([hf.stop(), other.stop()])
  await pool.end()
  await database.drop()
})
