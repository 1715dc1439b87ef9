import { describe, expect, it } from 'vitest'
import { openShop, page, type Shop } from './harness.ts'

const FRESH = { 'cache-control': 'max-age=10', etag: '"1"' }

async function stale(headers: Record<string, string>): Promise<Shop> {
  const shop = openShop()
  shop.answer((_, call) => page(call, headers))
  await shop.ask()
  shop.clock.advance(20_000)
  return shop
}

describe('validation (RFC 9111 4.3)', () => {
  it('asks with the stored tag and date, and answers with the stored body after 304', async () => {
    const shop = await stale({ ...FRESH, 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT', 'x-a': 'old', 'content-type': 'text/a' })
    shop.answer(
      () =>
        new Response(null, {
          status: 304,
          headers: { etag: '"1"', 'cache-control': 'max-age=100', 'x-a': 'new', 'content-type': 'text/b', 'content-length': '99' },
        }),
    )
    const answer = await shop.ask()
    expect([answer.status, answer.text, answer.headers.get('x-a'), answer.headers.get('content-type'), answer.headers.get('content-length')]).toEqual(
      [200, 'call 1', 'new', 'text/b', '6'],
    )
    expect(answer.headers.get('cache-status')).toBe('Holdfast; fwd=stale; fwd-status=304; stored')
    const [, validation] = shop.seen
    expect([validation!.headers.get('if-none-match'), validation!.headers.get('if-modified-since')]).toEqual(['"1"', 'Sun, 06 Nov 1994 08:49:37 GMT'])
    shop.clock.advance(50_000)
    expect((await shop.ask()).cache).toBe('HIT')
  })

  it('replaces what it has by a 200', async () => {
    const shop = await stale(FRESH)
    expect((await shop.ask()).text).toBe('call 2')
    expect((await shop.ask()).text).toBe('call 2')
    expect(shop.seen.length).toBe(2)
  })

  it('validates no-cache each time, and shares the answer with nobody unasked', async () => {
    const shop = openShop()
    shop.answer((request, call) =>
      request.headers.get('if-none-match') === '"1"' ? new Response(null, { status: 304 }) : page(call, { 'cache-control': 'no-cache', etag: '"1"' }),
    )
    for (let i = 0; i < 3; i++) expect((await shop.ask()).text).toBe('call 1')
    expect(shop.seen.length).toBe(3)
  })

  it('asks for the whole when a 304 is about something else', async () => {
    const shop = await stale(FRESH)
    shop.answer((request, call) =>
      request.headers.has('if-none-match') ? new Response(null, { status: 304, headers: { etag: '"other"' } }) : page(call, FRESH),
    )
    expect((await shop.ask()).text).toBe('call 3')
  })

  it('offers the tags of all variants, and takes the one that a 304 names', async () => {
    const shop = openShop()
    shop.answer((request, call) => page(call, { ...FRESH, etag: `"${request.headers.get('x-kind')}"`, vary: 'x-kind' }))
    await shop.ask('/a', { 'x-kind': 'a' })
    await shop.ask('/a', { 'x-kind': 'b' })
    shop.clock.advance(20_000)
    shop.answer(() => new Response(null, { status: 304, headers: { etag: '"b"' } }))
    expect((await shop.ask('/a', { 'x-kind': 'b' })).text).toBe('call 2')
    expect(shop.seen.at(-1)!.headers.get('if-none-match')).toBe('"b", "a"')
  })

  it('takes the answer to a HEAD for news about what GET stored (4.3.5)', async () => {
    const same = await stale(FRESH)
    same.answer(() => new Response(null, { headers: { ...FRESH, 'content-length': '6' } }))
    await same.ask('/a', {}, 'HEAD')
    expect((await same.ask()).cache).toBe('HIT')
    const changed = await stale(FRESH)
    changed.answer(() => new Response(null, { headers: { ...FRESH, etag: '"2"' } }))
    await changed.ask('/a', {}, 'HEAD')
    changed.answer((_, call) => page(call, FRESH))
    await changed.ask()
    expect(changed.seen.at(-1)!.headers.has('if-none-match')).toBe(false)
  })
})

describe('conditions of clients (RFC 9110 13)', () => {
  it.each<[name: string, headers: Record<string, string>, status: number]>([
    ['a tag that matches', { 'if-none-match': '"1"' }, 304],
    ['a tag that matches weakly', { 'if-none-match': 'W/"1"' }, 304],
    ['one of several tags', { 'if-none-match': '"0", "1"' }, 304],
    ['any', { 'if-none-match': '*' }, 304],
    ['another tag', { 'if-none-match': '"2"' }, 200],
    ['another tag and a date that matches: the tag decides', { 'if-none-match': '"2"', 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' }, 200],
    ['the same date', { 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' }, 304],
    ['the same date in the form of RFC 850', { 'if-modified-since': 'Sunday, 06-Nov-94 08:49:37 GMT' }, 304],
    ['the same date in the form of asctime', { 'if-modified-since': 'Sun Nov  6 08:49:37 1994' }, 304],
    ['a later date', { 'if-modified-since': 'Sun, 06 Nov 1994 08:49:38 GMT' }, 304],
    ['a tag without quotes, which is another', { 'if-none-match': '1' }, 200],
    ['an earlier date', { 'if-modified-since': 'Sun, 06 Nov 1994 08:49:36 GMT' }, 200],
    ['no date', { 'if-modified-since': 'yesterday' }, 200],
  ])('%s', async (_, headers, status) => {
    const shop = openShop()
    shop.answer((_request, call) => page(call, { ...FRESH, 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT', 'content-type': 'text/plain' }))
    // The first request fills the cache with the whole, and is answered by its own condition all the same.
    for (const cache of ['MISS', 'HIT']) {
      const answer = await shop.ask('/a', headers)
      expect([answer.status, answer.cache, answer.text]).toEqual([status, cache, status === 304 ? '' : 'call 1'])
      expect(answer.headers.get('etag')).toBe('"1"')
    }
    // With nothing stored the origin may answer the condition itself.
    for (const [name, value] of Object.entries(headers)) expect(shop.seen[0]!.headers.get(name)).toBe(value)
  })

  it('forwards a condition while nothing is stored, and asks for the whole after a 304', async () => {
    const shop = openShop()
    shop.answer((request, call) => (request.headers.get('if-none-match') === '"1"' ? new Response(null, { status: 304 }) : page(call, FRESH)))
    const first = await shop.ask('/a', { 'if-none-match': '"1"' })
    expect([first.status, first.headers.get('cache-status')]).toEqual([304, 'Holdfast; fwd=uri-miss; fwd-status=304'])
    const second = await shop.ask('/a', { 'if-none-match': '"1"' })
    expect([second.status, shop.seen[1]!.headers.get('if-none-match')]).toEqual([304, null])
    expect((await shop.ask()).text).toBe('call 2')
    expect(shop.seen.length).toBe(2)
  })

  it('makes one request of those that waited for an answer which was a 304', async () => {
    const shop = openShop()
    shop.answer((request, call) => (request.headers.has('if-none-match') ? new Response(null, { status: 304 }) : page(call, FRESH)))
    const answers = await Promise.all([shop.ask('/a', { 'if-none-match': '"1"' }), ...[1, 2, 3].map(() => shop.ask())])
    expect(answers.map(({ text }) => text)).toEqual(['', 'call 2', 'call 2', 'call 2'])
    expect(shop.seen.length).toBe(2)
  })

  it('leaves If-Match and If-Unmodified-Since to the handler', async () => {
    const shop = openShop()
    shop.answer((_, call) => page(call, FRESH))
    await shop.ask()
    await shop.ask('/a', { 'if-match': '"2"' })
    expect(shop.seen[1]!.headers.get('if-match')).toBe('"2"')
  })
})

describe('ranges (RFC 9110 14)', () => {
  it.each<[headers: Record<string, string>, status: number, text: string, contentRange: string | null]>([
    [{ range: 'bytes=0-3' }, 206, 'call', 'bytes 0-3/6'],
    [{ range: 'bytes=-1' }, 206, '1', 'bytes 5-5/6'],
    [{ range: 'bytes=9-' }, 416, '', 'bytes */6'],
    [{ range: 'bytes=0-999' }, 206, 'call 1', 'bytes 0-5/6'],
    [{ range: 'bytes=-0' }, 416, '', 'bytes */6'],
    [{ range: 'bytes=4-2' }, 200, 'call 1', null],
    [{ range: 'items=0-1' }, 200, 'call 1', null],
    [{ range: 'bytes=0-3', 'if-range': 'W/"1"' }, 200, 'call 1', null],
    [{ range: 'bytes=0-1,3-4' }, 200, 'call 1', null],
    [{ range: 'bytes=0-3', 'if-range': '"1"' }, 206, 'call', 'bytes 0-3/6'],
    [{ range: 'bytes=0-3', 'if-range': '"2"' }, 200, 'call 1', null],
    [{ range: 'bytes=0-3', 'if-none-match': '"1"' }, 304, '', null],
  ])('%j', async (headers, status, text, contentRange) => {
    const shop = openShop()
    shop.answer((_request, call) => page(call, FRESH))
    for (const cache of ['MISS', 'HIT']) {
      const answer = await shop.ask('/a', headers)
      expect([answer.status, answer.text, answer.headers.get('content-range'), answer.cache]).toEqual([status, text, contentRange, cache])
    }
  })
})

describe('ranges of what is not stored', () => {
  it('forwards them, so that a part of something large is answered as a part', async () => {
    const shop = openShop({ maxBody: '4kb' })
    shop.answer(() => new Response('part', { status: 206, headers: { 'cache-control': 'no-store', 'content-range': 'bytes 0-3/9000' } }))
    for (let i = 0; i < 3; i++) {
      const { status, text, headers } = await shop.ask('/a', { range: 'bytes=0-3' })
      expect([status, text, headers.get('content-range')]).toEqual([206, 'part', 'bytes 0-3/9000'])
    }
    expect(shop.seen.map(({ headers }) => headers.get('range'))).toEqual(['bytes=0-3', 'bytes=0-3', 'bytes=0-3'])
  })

  it('asks for the whole after a part of something small that does not suffice, and answers ranges from it', async () => {
    const shop = openShop()
    shop.answer((request, call) =>
      request.headers.has('range') ? new Response('call', { status: 206, headers: { ...FRESH, 'content-range': 'bytes 0-3/6' } }) : page(call, FRESH),
    )
    expect((await shop.ask('/a', { range: 'bytes=0-3' })).text).toBe('call')
    for (let i = 0; i < 3; i++) expect((await shop.ask('/a', { range: 'bytes=-1' })).text).toBe('2')
    expect(shop.seen.length).toBe(2)
  })
})

describe('stale answers (RFC 5861, RFC 9111 4.2.4)', () => {
  it('serves the stale one while one request fetches it anew', async () => {
    const shop = await stale({ 'cache-control': 'max-age=10, stale-while-revalidate=60' })
    const both = await Promise.all([shop.ask(), shop.ask()])
    expect(both.map(({ text, cache }) => [text, cache])).toEqual([
      ['call 1', 'STALE'],
      ['call 1', 'STALE'],
    ])
    await expect.poll(async () => (await shop.ask()).text).toBe('call 2')
    expect(shop.seen.length).toBe(2)
  })

  it('serves the stale one instead of an error within stale-if-error', async () => {
    const shop = await stale({ 'cache-control': 'max-age=10, stale-if-error=60' })
    shop.answer(() => new Response('broken', { status: 503 }))
    const answer = await shop.ask()
    expect([answer.status, answer.text, answer.headers.get('cache-status')]).toEqual([200, 'call 1', 'Holdfast; hit; ttl=-10; detail=origin-503'])
    shop.clock.advance(60_000)
    expect((await shop.ask()).status).toBe(503)
  })

  it('serves the stale one instead of an error where the request allows it (RFC 5861 4)', async () => {
    const shop = await stale({ 'cache-control': 'max-age=10' })
    shop.answer(() => new Response('broken', { status: 500 }))
    expect((await shop.ask('/a', { 'cache-control': 'stale-if-error=60' })).text).toBe('call 1')
    expect((await shop.ask('/a', { 'cache-control': 'stale-if-error=5' })).status).toBe(500)
    const strict = await stale({ 'cache-control': 'max-age=10, must-revalidate' })
    strict.answer(() => new Response('broken', { status: 500 }))
    expect((await strict.ask('/a', { 'cache-control': 'stale-if-error=60' })).status).toBe(500)
  })

  it('passes errors on without stale-if-error', async () => {
    const shop = await stale({ 'cache-control': 'max-age=10' })
    shop.answer(() => new Response('broken', { status: 500 }))
    expect((await shop.ask()).status).toBe(500)
  })

  it('serves the stale one when the handler throws, unless the answer or the options forbid it', async () => {
    const broken = (): Response => {
      throw new Error('unreachable')
    }
    const shop = await stale({ 'cache-control': 'max-age=10' })
    shop.answer(broken)
    expect((await shop.ask()).text).toBe('call 1')
    for (const forbidding of ['must-revalidate', 'proxy-revalidate', 's-maxage=10', 'no-cache']) {
      const strict = await stale({ 'cache-control': `max-age=10, ${forbidding}`, etag: '"1"' })
      strict.answer(broken)
      await expect(strict.ask(), forbidding).rejects.toThrow('unreachable')
    }
  })
})
