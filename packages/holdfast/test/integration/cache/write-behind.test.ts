import { cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { createWriteBehind, type WriteBehind, type WrittenEntries } from '../../../src/cache/index.ts'
import { newNamespace, openCache, until } from './harness.ts'

const UPSERT = `insert into view_count (page, seen) select * from unnest($1::text[], $2::int[])
  on conflict (page) do update set seen = excluded.seen`

async function withTable(test: (pool: pg.Pool) => Promise<void>): Promise<void> {
  const database = await cloneDatabase({ name: 'write_behind' })
  const pool = new pg.Pool({ connectionString: database.url })
  pool.on('error', () => {})
  try {
    await pool.query('create table view_count (page text primary key, seen int not null check (seen >= 0))')
    await test(pool)
  } finally {
    await pool.end()
    await database.drop()
  }
}

const upsert = (pool: pg.Pool) => (entries: WrittenEntries<number>) =>
  pool.query(UPSERT, [entries.map(([key]) => key), entries.map(([, value]) => value)])
const seen = async (pool: pg.Pool, page: string): Promise<number | undefined> =>
  (await pool.query('select seen from view_count where page = $1', [page])).rows[0]?.seen

describe('writing behind to PostgreSQL', () => {
  it('writes a thousand updates of ten rows as a few statements, and stop() brings the last of them', () =>
    withTable(async pool => {
      await using one = await openCache({ namespace: newNamespace() })
      let statements = 0
      const flush = (entries: WrittenEntries<number>) => {
        statements++
        return upsert(pool)(entries)
      }
      const behind = createWriteBehind<number>(one.cache, { name: 'views', every: '20ms', flush })
      for (let i = 0; i < 1000; i++) await behind.set(`page-${i % 10}`, i)
      await one.cache.stop()
      const { rows } = await pool.query('select page, seen from view_count order by page')
      expect(rows).toEqual(Array.from({ length: 10 }, (_, i) => ({ page: `page-${i}`, seen: 990 + i })))
      expect(statements).toBeLessThan(500)
    }))

  it('shows another process the value before the flush, and after it the truth of the database', () =>
    withTable(async pool => {
      const namespace = newNamespace()
      await using writer = await openCache({ namespace })
      await using reader = await openCache({ namespace })
      const behind: WriteBehind<number> = createWriteBehind<number>(writer.cache, { name: 'views', every: '1m', flush: upsert(pool) })
      await behind.set('p', 5)
      expect(await reader.cache.get('p')).toBe(5)
      // Evicted: the reader loads what the database has, and keeps it.
      await reader.cache.delete('p')
      const load = async () => (await seen(pool, 'p')) ?? 0
      expect(await reader.cache.getOrSet('p', load)).toBe(0)
      expect(await behind.getOrSet('p', load)).toBe(5)
      await behind.flushNow()
      await until(async () => (await reader.cache.getOrSet('p', load)) === 5)
      expect(await writer.cache.getOrSet('p', load)).toBe(5)
    }))

  it('keeps what a refused statement did not write, and writes it when the cause is mended', () =>
    withTable(async pool => {
      await using one = await openCache({ namespace: newNamespace() })
      const behind = createWriteBehind<number>(one.cache, { name: 'views', every: '10ms', flush: upsert(pool) })
      await behind.set('good', 1)
      await behind.set('bad', -1)
      await expect(behind.flushNow()).rejects.toMatchObject({ code: '23514' })
      expect(await seen(pool, 'good')).toBeUndefined()
      expect(behind.stats().pending).toBe(2)
      await behind.set('bad', 2)
      await until(() => behind.stats().pending === 0)
      expect([await seen(pool, 'good'), await seen(pool, 'bad')]).toEqual([1, 2])
    }))
})
