import { describe, expect, it } from 'vitest'
import { createKeyset, type KeysetOptions, pageLinks } from '../../../src/http/index.ts'

const secrets: KeysetOptions['secrets'] = [{ id: 'k1', secret: 'a secret of enough bytes' }]
const byCreated = createKeyset({
  order: [
    { column: 'created_at', direction: 'desc' },
    { column: 'id', direction: 'desc' },
  ],
  secrets,
})
const list = { select: 'id', from: 'lead', where: 'status = $1', values: ['new'] }
const rows = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ id: i, hf_key_0: `2026-01-01 00:00:00.00000${i}+00`, hf_key_1: String(i) }))

function nextOf(keyset = byCreated, from = list): string {
  return keyset.query(from, { limit: 2 }).page(rows(3)).next!
}

describe('keyset pages', () => {
  it('asks for one row more than wanted, with the keys as text', () => {
    const { text, values } = byCreated.query(list, { limit: '2' })
    expect(text).toBe(
      'select id, "created_at"::text as hf_key_0, "id"::text as hf_key_1\nfrom lead\nwhere (status = $1)\norder by "created_at" desc, "id" desc\nlimit $2',
    )
    expect(values).toEqual(['new', 3])
  })

  it('goes on after the last row by one row comparison where the columns are NOT NULL and of one direction', () => {
    const { text, values } = byCreated.query(list, { cursor: nextOf(), limit: 2 })
    expect(text).toContain('where (status = $1) and ("created_at", "id") < ($2, $3)')
    expect(values).toEqual(['new', '2026-01-01 00:00:00.000001+00', '1', 3])
  })

  it('bounds the scan by the first column where directions differ', () => {
    const mixed = createKeyset({ order: [{ column: 'l.score', direction: 'desc' }, { column: 'l.id' }], secrets })
    expect(mixed.query(list, { cursor: nextOf(mixed), limit: 2 }).text).toContain(
      '"l"."score" <= $2 and (("l"."score" < $2) or ("l"."score" = $2 and "l"."id" > $3))',
    )
  })

  it('offers the page before only where there is one', () => {
    const first = byCreated.query(list, { limit: 2 }).page(rows(3))
    expect([first.rows, first.previous]).toEqual([[{ id: 0 }, { id: 1 }], undefined])
    const second = byCreated.query(list, { cursor: first.next, limit: 2 }).page(rows(1))
    expect([second.next, typeof second.previous]).toEqual([undefined, 'string'])
    const back = byCreated.query(list, { cursor: second.previous, limit: 2 })
    expect(back.text).toContain('order by "created_at", "id"')
    expect(back.page(rows(2))).toMatchObject({ rows: [{ id: 1 }, { id: 0 }], next: expect.any(String) })
    expect(back.page(rows(2)).previous).toBeUndefined()
  })

  it('refuses cursors that were changed, come from another list, order, filter or tenant, or whose key is gone', () => {
    const cursor = nextOf()
    const refused = { code: 'HF_HTTP_CURSOR_INVALID' }
    const ask =
      (text: string, keyset = byCreated, from = list) =>
      () =>
        keyset.query(from, { cursor: text })
    const [version, id, payload, mac] = cursor.split('.') as [string, string, string, string]
    for (const changed of [
      'x',
      `${version}.${id}.${payload}`,
      `2.${id}.${payload}.${mac}`,
      `${version}.${id}.${payload}A.${mac}`,
      `${version}.k2.${payload}.${mac}`,
      `${cursor}.x`,
      'x'.repeat(100_000),
    ]) {
      expect(ask(changed), changed.slice(0, 80)).toThrow(expect.objectContaining(refused))
    }
    expect(ask(cursor, byCreated, { ...list, values: ['sold'] })).toThrow(expect.objectContaining(refused))
    expect(ask(cursor, createKeyset({ order: [{ column: 'id' }], secrets }))).toThrow(expect.objectContaining(refused))
    expect(
      ask(
        cursor,
        createKeyset({
          order: [
            { column: 'created_at', direction: 'desc' },
            { column: 'id', direction: 'desc' },
          ],
          secrets: [{ id: 'k1', secret: 'another secret of bytes' }],
        }),
      ),
    ).toThrow(expect.objectContaining(refused))
  })

  it('verifies what an older key signed', () => {
    const rotated = createKeyset({
      order: [
        { column: 'created_at', direction: 'desc' },
        { column: 'id', direction: 'desc' },
      ],
      secrets: [{ id: 'k2', secret: 'a newer secret of bytes' }, ...secrets],
    })
    expect(rotated.query(list, { cursor: nextOf() }).values.length).toBe(4)
    expect(nextOf(rotated).split('.')[1]).toBe('k2')
  })

  it.each(['0', '-1', '101', '1.5', 'ten', '', 0, 101, Number.NaN])('refuses a page size of %j', limit => {
    expect(() => byCreated.query(list, { limit })).toThrow(expect.objectContaining({ code: 'HF_HTTP_LIMIT_INVALID' }))
  })

  it('names every bad option at once', () => {
    const bad = { order: [{ column: 'id', nullable: true }], secrets: [{ id: 'ü', secret: 'short' }], pageSize: 500 } as unknown as KeysetOptions
    expect(() => createKeyset(bad)).toThrow(/pageSize[\s\S]*order[\s\S]*secrets\[0\]\.id[\s\S]*secrets\[0\]\.secret/)
  })

  it('quotes column names', () => {
    const keyset = createKeyset({ order: [{ column: 'odd"name' }], secrets })
    expect(keyset.query({ select: '*', from: 't' }, {}).text).toContain('order by "odd""name"')
  })

  it('writes Link fields that keep the other parameters', () => {
    expect(pageLinks('/leads?status=new&cursor=old', { next: 'n.1', previous: 'p' })).toBe(
      '</leads?status=new&cursor=n.1>; rel="next", </leads?status=new&cursor=p>; rel="prev", </leads?status=new>; rel="first"',
    )
  })
})
