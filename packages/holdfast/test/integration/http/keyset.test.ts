import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKeyset, type Keyset, type OrderColumn } from '../../../src/http/index.ts'
import { seededRandom } from '../../cache/seeded-random.ts'

let database: ClonedDatabase
let client: pg.Client

beforeAll(async () => {
  database = await cloneDatabase({ name: 'keyset' })
  client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query('create table item (id int primary key, tied int not null, at timestamptz not null, note text, rank float8)')
})

afterAll(async () => {
  await client.end()
  await database.drop()
})

/** Few values, so that ties and NULLs are everywhere, and times that differ by microseconds. */
async function insert(ids: readonly number[], random: () => number): Promise<void> {
  for (const id of ids) {
    const pick = (count: number): number => Math.floor(random() * count)
    await client.query(`insert into item values ($1, $2, timestamptz '2026-01-01' + $3 * interval '1 microsecond', $4, $5)`, [
      id,
      pick(4),
      pick(5),
      [null, null, 'a', 'b', ''][pick(5)],
      [null, 0.1, 1 / 3, Number.NaN, -0][pick(5)],
    ])
  }
}

const ORDERS: readonly [name: string, order: readonly [OrderColumn, ...OrderColumn[]]][] = [
  ['one direction', [{ column: 'at' }, { column: 'tied' }, { column: 'id' }]],
  [
    'descending',
    [
      { column: 'at', direction: 'desc' },
      { column: 'id', direction: 'desc' },
    ],
  ],
  ['mixed', [{ column: 'tied', direction: 'desc' }, { column: 'at' }, { column: 'id', direction: 'desc' }]],
  ['NULLs last', [{ column: 'note', nullable: true }, { column: 'id' }]],
  ['NULLs first', [{ column: 'rank', direction: 'desc', nullable: true }, { column: 'id' }]],
  [
    'NULLs in the middle',
    [{ column: 'tied' }, { column: 'note', direction: 'desc', nullable: true }, { column: 'rank', nullable: true }, { column: 'id' }],
  ],
]

async function walk(
  keyset: Keyset,
  limit: number,
  between: () => Promise<void>,
  from?: string,
  way: 'next' | 'previous' = 'next',
): Promise<{ ids: number[]; last?: string }> {
  const ids: number[] = []
  let cursor = from
  let opposite: string | undefined
  for (let page = 0; page < 200; page++) {
    const query = keyset.query({ select: 'id', from: 'item' }, { cursor, limit })
    const result = query.page((await client.query<{ id: number }>(query.text, query.values)).rows)
    const found = result.rows.map(row => row.id)
    ids.push(...(way === 'next' ? found : found.reverse()))
    opposite = way === 'next' ? result.previous : result.next
    cursor = result[way]
    if (cursor === undefined) return { ids, ...(opposite === undefined ? {} : { last: opposite }) }
    await between()
  }
  throw new Error('the pages do not end')
}

describe('keyset pages on PostgreSQL', () => {
  it.each(ORDERS)('%s: loses and doubles no row, forwards and backwards', async (_, order) => {
    const random = seededRandom(7)
    await client.query('truncate item')
    await insert(
      Array.from({ length: 60 }, (_unused, i) => i),
      random,
    )
    const keyset = createKeyset({ order, secrets: [{ id: 'k', secret: 'a secret of enough bytes' }] })
    const sorted = order.map(({ column, direction = 'asc' }) => `${column} ${direction}`).join()
    const all = (await client.query<{ id: number }>(`select id from item order by ${sorted}`)).rows.map(row => row.id)
    for (const limit of [1, 7, 60]) {
      const forwards = await walk(keyset, limit, async () => undefined)
      expect(forwards.ids).toEqual(all)
      if (forwards.last === undefined) continue
      const back = await walk(keyset, limit, async () => undefined, forwards.last, 'previous')
      expect(back.ids).toEqual(all.toReversed().slice(all.length % limit || limit))
    }
  })

  it.each(ORDERS)('%s: keeps every row that stays while others come and go', async (_, order) => {
    const random = seededRandom(11)
    await client.query('truncate item')
    await insert(
      Array.from({ length: 60 }, (_unused, i) => i * 10),
      random,
    )
    const keyset = createKeyset({ order, secrets: [{ id: 'k', secret: 'a secret of enough bytes' }] })
    const gone = new Set<number>()
    let nextId = 1
    const { ids } = await walk(keyset, 5, async () => {
      const victim = Math.floor(random() * 60) * 10
      gone.add(victim)
      await client.query('delete from item where id = $1', [victim])
      if (nextId % 10 !== 0) await insert([nextId], random)
      nextId += 3
    })
    expect(new Set(ids).size).toBe(ids.length)
    const stayed = Array.from({ length: 60 }, (_unused, i) => i * 10).filter(id => !gone.has(id))
    expect(stayed.filter(id => !ids.includes(id))).toEqual([])
  })

  it('reads page 100 by the index as it reads page 1', async () => {
    await client.query('truncate item')
    await client.query(`insert into item select n, n % 4, timestamptz '2026-01-01' + n * interval '1 second' from generate_series(1, 20000) n`)
    await client.query('create index on item (at, id); analyze item')
    const keyset = createKeyset({ order: [{ column: 'at' }, { column: 'id' }], secrets: [{ id: 'k', secret: 'a secret of enough bytes' }] })
    let cursor: string | undefined
    let plan = ''
    for (let page = 0; page < 100; page++) {
      const query = keyset.query({ select: 'id', from: 'item' }, { cursor, limit: 100 })
      if (page === 99)
        plan = (await client.query(`explain (analyze, costs off, timing off) ${query.text}`, query.values)).rows
          .map(row => row['QUERY PLAN'])
          .join('\n')
      cursor = query.page((await client.query<{ id: number }>(query.text, query.values)).rows).next
    }
    expect(plan).toContain('Index Cond: (ROW(at, id) > ROW')
    expect(plan).toMatch(/Index.*rows=101/)
  })
})
