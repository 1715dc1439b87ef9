import { describe, expect, it } from 'vitest'
import { openShop, page, type Shop } from './harness.ts'

async function filled(headers: Record<string, string>, afterSec = 5): Promise<Shop> {
  const shop = openShop()
  shop.answer((_, call) => page(call, headers))
  await shop.ask()
  shop.clock.advance(afterSec * 1000)
  return shop
}

describe('directives of requests (RFC 9111 5.2.1)', () => {
  it.each<[asked: string, isReused: boolean]>([
    ['no-cache', false],
    ['max-age=0', false],
    ['max-age=10', true],
    ['max-age=4', false],
    ['min-fresh=55', true],
    ['min-fresh=56', false],
    ['no-store', true],
    ['max-stale', true],
    ['only-if-cached', true],
  ])('%s', async (asked, isReused) => {
    const shop = await filled({ 'cache-control': 'max-age=60' })
    await shop.ask('/a', { 'cache-control': asked })
    expect(shop.seen.length).toBe(isReused ? 1 : 2)
  })

  it('obeys Pragma only without Cache-Control (5.4)', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60' })
    await shop.ask('/a', { pragma: 'no-cache', 'cache-control': 'max-age=100' })
    expect(shop.seen.length).toBe(1)
    await shop.ask('/a', { pragma: 'no-cache' })
    expect(shop.seen.length).toBe(2)
  })

  it('serves stale within max-stale unless the answer forbids it', async () => {
    const shop = await filled({ 'cache-control': 'max-age=1' })
    expect((await shop.ask('/a', { 'cache-control': 'max-stale=10' })).cache).toBe('STALE')
    expect((await shop.ask('/a', { 'cache-control': 'max-stale=3' })).cache).toBe('MISS')
    for (const forbidding of ['must-revalidate', 'proxy-revalidate', 's-maxage=1']) {
      const strict = await filled({ 'cache-control': `max-age=1, ${forbidding}` })
      await strict.ask('/a', { 'cache-control': 'max-stale=10' })
      expect(strict.seen.length, forbidding).toBe(2)
    }
  })

  it('answers only-if-cached with 504 when it has nothing', async () => {
    const shop = openShop()
    expect((await shop.ask('/a', { 'cache-control': 'only-if-cached' })).status).toBe(504)
    expect(shop.seen.length).toBe(0)
  })

  it('does not store what a request with no-store brings', async () => {
    const shop = openShop()
    shop.answer((_, call) => page(call, { 'cache-control': 'max-age=60' }))
    await shop.ask('/a', { 'cache-control': 'no-store' })
    await shop.ask()
    expect(shop.seen.length).toBe(2)
  })

  it('leaves requests no say where the route says so', async () => {
    const shop = openShop({ obeyRequests: false })
    shop.answer((_, call) => page(call, { 'cache-control': 'max-age=60' }))
    await shop.ask()
    await shop.ask('/a', { 'cache-control': 'no-cache' })
    expect(shop.seen.length).toBe(1)
  })
})

describe('keys', () => {
  it('takes the order of query names for no difference, and that of values for one', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60' })
    for (const path of ['/q?a=1&b=2', '/q?b=2&a=1', '/q?a=1&a=2', '/q?a=2&a=1', '/q?A=1&b=2']) await shop.ask(path)
    expect(shop.seen.length).toBe(1 + 4)
  })

  it('ignores the parameters that the route names', async () => {
    const shop = openShop({ ignoreQuery: ['utm_source'] })
    shop.answer((_, call) => page(call, { 'cache-control': 'max-age=60' }))
    for (const path of ['/q?a=1', '/q?a=1&utm_source=x', '/q?utm%5Fsource=y&a=1']) await shop.ask(path)
    expect(shop.seen.length).toBe(1)
  })

  it('answers HEAD from what GET stored', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60', etag: '"1"' })
    const head = await shop.ask('/a', {}, 'HEAD')
    expect([head.cache, head.text, head.headers.get('content-length'), head.headers.get('etag')]).toEqual(['HIT', '', '6', '"1"'])
  })

  it('takes very long URLs for what they are', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60' })
    for (const end of ['a', 'b', 'a']) await shop.ask(`/${'x'.repeat(5000)}${end}`)
    expect(shop.seen.length).toBe(3)
  })
})

describe('Vary (RFC 9111 4.1)', () => {
  it('selects by the fields named, whatever their white space', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60', vary: 'X-Kind, Accept-Language' })
    const asked = async (kind: string, language: string) => (await shop.ask('/v', { 'x-kind': kind, 'accept-language': language })).text
    const first = await asked('a', 'en, de;q=0.5')
    expect(await asked('a', 'EN,de; q=0.5')).toBe(first)
    const other = await asked('b', 'en, de;q=0.5')
    expect(other).not.toBe(first)
    expect(await asked('a', 'en, de;q=0.5')).toBe(first)
    expect(await asked('b', 'en, de;q=0.5')).toBe(other)
    expect((await shop.ask('/v', { 'x-kind': 'a' })).cache).toBe('MISS')
  })

  it('never reuses Vary: *', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60', vary: '*' })
    await shop.ask()
    expect(shop.seen.length).toBe(2)
  })

  it('keeps 32 variants, and takes a further one in the place of the oldest ten times a second', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60', vary: 'x-kind' })
    const kind = async (i: number) => shop.ask('/v', { 'x-kind': `${i}` })
    for (let i = 0; i < 33; i++) await kind(i)
    const refused = await kind(33)
    expect(refused.headers.get('cache-status')).toBe('Holdfast; fwd=vary-miss; fwd-status=200; detail=variants')
    expect([(await kind(32)).cache, (await kind(33)).cache]).toEqual(['HIT', 'MISS'])
    shop.clock.advance(100)
    await kind(33)
    expect([(await kind(33)).cache, (await kind(32)).cache, (await kind(1)).cache]).toEqual(['HIT', 'HIT', 'MISS'])
  })

  it('takes members of different weight in any order for one wish, and those of one weight for as many as they are', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60', vary: 'accept-language' })
    const asked = async (language: string) => (await shop.ask('/v', { 'accept-language': language })).cache
    expect([await asked('en, de;q=0.5'), await asked('de;q=0.50, en;q=1')]).toEqual(['MISS', 'HIT'])
    expect([await asked('en, de'), await asked('de, en')]).toEqual(['MISS', 'MISS'])
    expect([await asked('en;q=0.5;x=1, de'), await asked('de, en;q=0.5;x=1')]).toEqual(['MISS', 'MISS'])
  })
})

describe('invalidation (RFC 9111 4.4)', () => {
  it('forgets the target, Location and Content-Location of an unsafe request that succeeded', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60' })
    await shop.ask('/b')
    await shop.ask('/c')
    shop.answer(() => new Response('', { status: 201, headers: { location: '/b', 'content-location': 'http://other.test/c' } }))
    await shop.ask('/a', {}, 'POST')
    shop.answer((_, call) => page(call, { 'cache-control': 'max-age=60' }))
    expect((await shop.ask('/a')).cache).toBe('MISS')
    expect((await shop.ask('/b')).cache).toBe('MISS')
    expect((await shop.ask('/c')).cache).toBe('HIT')
  })

  it('keeps it after an error, and after a safe method', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60' })
    shop.answer(() => new Response('', { status: 500 }))
    await shop.ask('/a', {}, 'POST')
    await shop.ask('/a', {}, 'OPTIONS')
    expect((await shop.ask('/a')).cache).toBe('HIT')
  })

  it('purges all variants of a URL', async () => {
    const shop = await filled({ 'cache-control': 'max-age=60', vary: 'x-kind' })
    await shop.ask('/a', { 'x-kind': '1' })
    await shop.cache.purge('http://shop.test/a')
    expect((await shop.ask('/a', { 'x-kind': '1' })).cache).toBe('MISS')
  })
})
