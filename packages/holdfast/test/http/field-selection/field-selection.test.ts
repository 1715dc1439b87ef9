import { describe, expect, it } from 'vitest'
import { createTieredCache } from '../../../src/cache/index.ts'
import { createFieldSelection, createResponseCache } from '../../../src/http/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'

const leads = createFieldSelection({
  fields: { id: 'l.id', status: 'l.status', zipCode: 'l.zip_code', odd: 'l.a"; drop table lead; --' },
  byDefault: ['id', 'status'],
  always: ['id'],
  max: 3,
})

describe('a selection of fields', () => {
  it('reads only what was asked for, in one order, with all names quoted', () => {
    expect(leads.select('zipCode, status,zipCode')).toEqual({
      names: ['id', 'status', 'zipCode'],
      sql: '"l"."id" as "id", "l"."status" as "status", "l"."zip_code" as "zipCode"',
      canonical: 'id,status,zipCode',
    })
    expect(leads.select('odd').sql).toBe('"l"."id" as "id", "l"."a""; drop table lead; --" as "odd"')
  })

  it('takes the default when nothing is asked for, and a repeated parameter for one list', () => {
    expect(leads.select(undefined).canonical).toBe('id,status')
    expect(leads.select('').canonical).toBe('id,status')
    expect(leads.select(['zipCode', 'status']).canonical).toBe('id,status,zipCode')
    expect(createFieldSelection({ fields: { a: 'a', b: 'b' } }).select(undefined).canonical).toBe('a,b')
  })

  it.each([
    ['password'],
    ['status,'],
    [','],
    ['STATUS'],
    ['__proto__'],
    ['constructor'],
    ['l.id'],
    ['*'],
    ['id,status,zipCode,odd'],
    ['x'.repeat(2001)],
  ])('refuses %s', text => {
    expect(() => leads.select(text)).toThrow(expect.objectContaining({ code: 'HF_HTTP_FIELDS_INVALID', status: 400 }))
  })

  it('names every bad option at once', () => {
    expect(() => createFieldSelection({ fields: { 'a b': 'a', ok: '' }, byDefault: ['gone' as never], max: 0 })).toThrow(
      /fields\.a b.*fields\.ok.*max.*byDefault/s,
    )
  })
})

describe('a selection in the key of the response cache', () => {
  const registry = createRegistry()
  const cache = createResponseCache(
    { rules: [{ path: '/leads', ttl: '1m', canonicalQuery: { fields: leads.canonical } }] },
    { cache: createTieredCache({}, { registry }), registry },
  )
  const asked = async (query: string) => {
    const url = `http://shop.test/leads?${query}`
    const response = await cache.fetch(new Request(url), request => new Response(new URL(request.url).search))
    return [response.headers.get('x-cache'), await response.text()]
  }

  it('is one for all spellings, and the handler sees the one that was asked', async () => {
    expect(await asked('fields=zipCode,status&a=1')).toEqual(['MISS', '?fields=zipCode,status&a=1'])
    for (const same of ['fields=status,zipCode&a=1', 'a=1&fields=status%2CzipCode%2Cid', 'fields=zipCode,status,status&a=1'])
      expect((await asked(same))[0], same).toBe('HIT')
  })

  it('is another for another selection, for one that cannot be read, and for several at once', async () => {
    for (const other of ['fields=status&a=1', 'fields=password&a=1', 'fields=status&fields=zipCode&a=1', 'fields=&fields=status,zipCode&a=1'])
      expect((await asked(other))[0], other).toBe('MISS')
  })
})
