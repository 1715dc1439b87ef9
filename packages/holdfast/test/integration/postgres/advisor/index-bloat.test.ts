import { afterAll, beforeAll, expect, it } from 'vitest'
import { estimateIndexWaste } from '../../../../src/postgres/advisor/rules/index-bloat.ts'
import { INDEX_HEALTH, type IndexHealthRow } from '../../../../src/postgres/advisor/sql/index-health.sql.ts'
import { type AdvisorFixture, advisorFixture } from './fixture.ts'

let fixture: AdvisorFixture

beforeAll(async () => {
  fixture = await advisorFixture('bloat')
  // Keys of one width, of several, with nulls, computed, of some rows alone, several in one, carried along, and with room left on purpose.
  await fixture.app.query(`create table thing (id bigint, kind int, word text, hash uuid, wide text, rare text) with (autovacuum_enabled = off);
    insert into thing select i, i % 100, md5(i::text), md5((i * 7)::text)::uuid, repeat('w', i % 300), case when i % 10 = 0 then 'x' || i end from generate_series(1, 400000) i;
    create index thing_id on thing (id); create index thing_word on thing (word); create index thing_hash on thing (hash); create index thing_rare on thing (rare);
    create index thing_many on thing (kind, word, id); create index thing_lower on thing (lower(word)); create index thing_part on thing (word) where kind < 50;
    create index thing_carry on thing (id) include (word); create index thing_room on thing (id) with (fillfactor = 50);
    create index thing_kind on thing (kind); create index thing_wide on thing (wide)`)
  await fixture.app.query('vacuum analyze thing')
})
afterAll(() => fixture.close())

async function wastedShares(): Promise<Map<string, number>> {
  const { rows } = await fixture.app.query<IndexHealthRow>(INDEX_HEALTH)
  return new Map(rows.filter(({ table }) => table === 'thing').map(row => [row.name, estimateIndexWaste(row, 8192)! / row.sizeBytes]))
}
const find = async (): Promise<string[]> =>
  (await fixture.advisor().advise({ rules: 'pg/index-bloat' })).findings.map(({ title }) => /index (\w+)/.exec(title)![1]!).toSorted()

it('sees no air in fresh indexes, what a rebuild frees of bloated ones, and offers the rebuild where it is worth it', async () => {
  for (const [name, share] of await wastedShares()) expect([name, share < 0.03]).toEqual([name, true])
  expect(await find()).toEqual([])

  await fixture.app.query('delete from thing where id % 20 < 16')
  await fixture.app.query('vacuum analyze thing')
  const { rows: before } = await fixture.app.query<{ name: string; size: number }>(
    `select relname as name, pg_relation_size(oid)::float8 as size from pg_class where relname like 'thing\\_%'`,
  )
  const estimated = await wastedShares()
  // 16 MB and more of air: smaller ones are not worth the words.
  expect(await find()).toEqual(['thing_carry', 'thing_lower', 'thing_many', 'thing_word'])

  await fixture.app.query('reindex table thing')
  for (const { name, size } of before) {
    const { rows } = await fixture.app.query<{ size: number }>('select pg_relation_size($1::regclass)::float8 as size', [name])
    const freed = 1 - rows[0]!.size / size
    const said = estimated.get(name)!
    // Of equal keys, which btree stores once, it says too little.
    if (name === 'thing_kind' || name === 'thing_wide') expect([name, said <= freed + 0.01]).toEqual([name, true])
    else expect([name, Math.abs(said - freed) < (name === 'thing_rare' ? 0.3 : 0.03)]).toEqual([name, true])
  }
  await fixture.app.query('analyze thing')
  expect(await find()).toEqual([])
})

it('says nothing of an index whose keys have no statistics', async () => {
  await fixture.app.query('create table fresh (id int); insert into fresh select generate_series(1, 1000); create index fresh_id on fresh (id)')
  const { rows } = await fixture.app.query<IndexHealthRow>(INDEX_HEALTH)
  const row = rows.find(({ name }) => name === 'fresh_id')!
  expect(row.keyBytes).toBeNull()
  expect(estimateIndexWaste(row, 8192)).toBeUndefined()
})
