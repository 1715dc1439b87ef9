import { describe, expect, it } from 'vitest'
import { openShop, page } from './harness.ts'

/** Whether a second request, `afterSec` later, is answered without the handler. */
async function isReused(headers: (date: (offsetSec?: number) => string) => Record<string, string>, afterSec = 5, status = 200): Promise<boolean> {
  const shop = openShop()
  shop.answer((_, call) => new Response(status === 204 ? null : `call ${call}`, { status, headers: headers(shop.date) }))
  await shop.ask()
  shop.clock.advance(afterSec * 1000)
  await shop.ask()
  return shop.seen.length === 1
}

describe('lifetime (RFC 9111 4.2.1)', () => {
  it.each<[name: string, headers: Record<string, string>, isFresh: boolean]>([
    ['max-age', { 'cache-control': 'max-age=60' }, true],
    ['a max-age that has passed', { 'cache-control': 'max-age=4' }, false],
    ['max-age equal to the age', { 'cache-control': 'max-age=5' }, false],
    ['s-maxage over max-age', { 'cache-control': 'max-age=1, s-maxage=60' }, true],
    ['a shorter s-maxage over max-age', { 'cache-control': 'max-age=60, s-maxage=1' }, false],
    ['nothing said', {}, false],
    ['invalid max-age, which is stale', { 'cache-control': 'max-age=abc' }, false],
    ['the first of two max-age', { 'cache-control': 'max-age=60, max-age=1' }, true],
    ['max-age with Age', { 'cache-control': 'max-age=60', age: '58' }, false],
    ['Age as a list: its first member', { 'cache-control': 'max-age=60', age: '0, 7200' }, true],
    ['an invalid Age, which is ignored', { 'cache-control': 'max-age=60', age: '7200a' }, true],
    ['no-store', { 'cache-control': 'max-age=60, no-store' }, false],
    ['private', { 'cache-control': 'private, max-age=60' }, false],
    ['no-cache', { 'cache-control': 'no-cache, max-age=60' }, false],
    ['no-store with must-understand', { 'cache-control': 'no-store, must-understand, max-age=60' }, true],
    ['Holdfast-Cache-Control alone', { 'holdfast-cache-control': 'max-age=60', 'cache-control': 'no-store' }, true],
    ['CDN-Cache-Control over Cache-Control', { 'cdn-cache-control': 'max-age=60', 'cache-control': 'max-age=0' }, true],
    ['CDN-Cache-Control that forbids', { 'cdn-cache-control': 'no-store', 'cache-control': 'max-age=60' }, false],
    ['an unparsable CDN-Cache-Control, ignored', { 'cdn-cache-control': 'max-age=0,', 'cache-control': 'max-age=60' }, true],
    ['an empty CDN-Cache-Control, ignored', { 'cdn-cache-control': '', 'cache-control': 'max-age=60' }, true],
    ['max-age in quotes and any case', { 'cache-control': 'MaX-aGe="60"' }, true],
    ['max-age with leading zeros, between empty members', { 'cache-control': ',, max-age=0060,,' }, true],
    ['a max-age larger than any number', { 'cache-control': 'max-age=99999999999999999999' }, true],
    ['a max-age that is negative', { 'cache-control': 'max-age=-60' }, false],
    ['a max-age with a fraction', { 'cache-control': 'max-age=60.5' }, false],
    ['a max-age with letters after it', { 'cache-control': 'max-age=60a' }, false],
    ['a max-age with a blank before =', { 'cache-control': 'max-age =60' }, false],
    ['directives inside a quoted argument, which are none', { 'cache-control': 'a="no-store, max-age=0", max-age=60' }, true],
    ['immutable and an unknown directive', { 'cache-control': 'max-age=60, immutable, foobar' }, true],
    ['Pragma of a response, which means nothing', { 'cache-control': 'max-age=60', pragma: 'no-cache' }, true],
    ['private with names of fields', { 'cache-control': 'max-age=60, private="x-a"' }, true],
    ['must-revalidate while it is fresh', { 'cache-control': 'max-age=60, must-revalidate' }, true],
    ['an Age as a list whose first member is old', { 'cache-control': 'max-age=60', age: '7200, 0' }, false],
    ['an Age that is negative, with a fraction or parameters, which is ignored', { 'cache-control': 'max-age=60', age: '7200.0;a=b' }, true],
    ['an Age larger than any number', { 'cache-control': 'max-age=3600', age: '99999999999999999999' }, false],
    ['CDN-Cache-Control with parameters', { 'cdn-cache-control': 'max-age=60;a=b', 'cache-control': 'max-age=1' }, true],
    ['CDN-Cache-Control that says no lifetime: nothing else counts', { 'cdn-cache-control': 'foo', 'cache-control': 'max-age=60' }, false],
    ['a CDN-Cache-Control in capitals, which cannot be parsed', { 'cdn-cache-control': 'MAX-AGE=1', 'cache-control': 'max-age=60' }, true],
    ['an empty Vary', { 'cache-control': 'max-age=60', vary: ', ' }, true],
    ['a max-age of the wrong type', { 'cdn-cache-control': 'max-age="60"', 'cache-control': 'max-age=60' }, false],
  ])('%s', async (_, headers, isFresh) => {
    expect(await isReused(() => headers)).toBe(isFresh)
  })

  it('Expires relative to Date, and to the receipt without one', async () => {
    expect(await isReused(date => ({ date: date(), expires: date(60) }))).toBe(true)
    expect(await isReused(date => ({ date: date(), expires: date(4) }))).toBe(false)
    expect(await isReused(date => ({ expires: date(60) }))).toBe(true)
    expect(await isReused(date => ({ date: date(-3600), expires: date(-3500) }))).toBe(false)
    expect(await isReused(date => ({ date: date(), expires: '0' }))).toBe(false)
    expect(await isReused(date => ({ date: date(), expires: date(60).toLowerCase() }))).toBe(true)
    expect(await isReused(date => ({ date: date(), expires: date(60).replace('GMT', 'UTC') }))).toBe(false)
    expect(await isReused(date => ({ date: date(), expires: date(60), age: '58' }))).toBe(false)
    expect(await isReused(date => ({ expires: date(-60), 'cache-control': 's-maxage=60' }))).toBe(true)
    expect(await isReused(date => ({ expires: date(60), 'cdn-cache-control': 'max-age=1' }))).toBe(false)
    expect(await isReused(date => ({ date: date(), expires: date(60), 'cache-control': 'max-age=1' }))).toBe(false)
  })

  it('counts the time since Date as age (4.2.3)', async () => {
    expect(await isReused(date => ({ date: date(-58), 'cache-control': 'max-age=60' }))).toBe(false)
    expect(await isReused(date => ({ date: date(-30), 'cache-control': 'max-age=60' }))).toBe(true)
  })

  it('takes a status that it does not know by its lifetime, and not with must-understand', async () => {
    expect(await isReused(() => ({ 'cache-control': 'max-age=60' }), 5, 299)).toBe(true)
    expect(await isReused(() => ({ 'cache-control': 'max-age=60, must-understand' }), 5, 299)).toBe(false)
    for (const status of [200, 203, 204, 301, 302, 303, 307, 308, 400, 404, 405, 410, 414, 499, 500, 501, 502, 503, 504, 599])
      expect(await isReused(() => ({ 'cache-control': 'max-age=60' }), 5, status), `${status}`).toBe(true)
  })

  it('guesses a tenth of the time since Last-Modified only where the route lets it (4.2.2)', async () => {
    for (const guessLifetime of [false, true]) {
      const shop = openShop({ guessLifetime })
      shop.answer((_, call) => page(call, { 'last-modified': shop.date(-1000), date: shop.date() }))
      await shop.ask()
      shop.clock.advance(50_000)
      await shop.ask()
      expect(shop.seen.length).toBe(guessLifetime ? 1 : 2)
      shop.clock.advance(60_000)
      await shop.ask()
      expect(shop.seen.length).toBe(guessLifetime ? 2 : 3)
    }
  })

  it("gives answers that say nothing the route's lifetime, and no others", async () => {
    const shop = openShop({ rules: [{ path: '/api/*', ttl: '1m' }] })
    shop.answer((_, call) => page(call))
    for (const path of ['/api/x', '/api/x', '/other', '/other']) await shop.ask(path)
    expect(shop.seen.length).toBe(3)
  })
})

describe('what an answer from the cache says', () => {
  it('has Age, Cache-Status and X-Cache, and no field for this cache alone', async () => {
    const shop = openShop()
    shop.answer((_, call) =>
      page(call, { 'cache-control': 'max-age=60', 'holdfast-cache-control': 'max-age=30', age: '3', 'cache-status': 'Inner; hit' }),
    )
    const first = await shop.ask()
    expect(first.headers.get('cache-status')).toBe('Inner; hit, Holdfast; fwd=uri-miss; fwd-status=200; stored')
    expect(first.cache).toBe('MISS')
    shop.clock.advance(7000)
    const second = await shop.ask()
    expect(second.headers.get('age')).toBe('10')
    expect(second.headers.get('cache-status')).toBe('Inner; hit, Holdfast; hit; ttl=20')
    expect([second.cache, second.text, second.headers.get('content-length')]).toEqual(['HIT', 'call 1', '6'])
    expect(second.headers.has('holdfast-cache-control')).toBe(false)
  })

  it('leaves out what belongs to one connection, and what Connection, private and no-cache name (3.1)', async () => {
    const shop = openShop()
    shop.answer((_, call) =>
      page(call, {
        'cache-control': 'max-age=60, private="x-p", no-cache="x-n"',
        connection: 'x-c',
        'x-c': '1',
        'x-p': '1',
        'x-n': '1',
        'x-kept': '1',
        'keep-alive': 'a',
      }),
    )
    await shop.ask()
    const { headers } = await shop.ask()
    expect(['connection', 'x-c', 'x-p', 'x-n', 'keep-alive', 'x-kept'].filter(name => headers.has(name))).toEqual(['x-kept'])
  })
})
