import { describe, expect, it } from 'vitest'
import { openShop, type Shop } from './harness.ts'

const FRESH = { 'cache-control': 'max-age=60', etag: '"1"' }
const WHOLE = '0123456789'

/** A shop whose handler serves ranges of ten bytes, as far as `sizeBytes` allows it. */
function openRanges(
  options: { sizeBytes?: number; maxBody?: `${number}kb`; headers?: Record<string, string> } = {},
): Shop & { text: string; headers: Record<string, string> } {
  const shop = Object.assign(openShop({ maxBody: options.maxBody ?? '1kb' }), { text: WHOLE, headers: options.headers ?? FRESH })
  shop.answer(request => {
    const { text, headers } = shop
    const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get('range') ?? '')
    if (match === null) return new Response(text, { headers })
    const first = match[1] === '' ? text.length - Number(match[2]) : Number(match[1])
    const last = match[1] === '' || match[2] === '' ? text.length - 1 : Number(match[2])
    const range = `bytes ${first}-${last}/${options.sizeBytes ?? text.length}`
    return new Response(text.slice(first, last + 1), { status: 206, headers: { ...headers, 'content-range': range } })
  })
  return shop
}

const ranges = (shop: Shop): (string | null)[] => shop.seen.map(({ headers }) => headers.get('range'))

describe('a part that came (RFC 9111 3.3)', () => {
  it('answers whoever asks for no more than is in it', async () => {
    const shop = openRanges()
    await shop.ask('/a', { range: 'bytes=5-9' })
    for (const [range, text, said] of [
      ['bytes=5-9', '56789', 'bytes 5-9/10'],
      ['bytes=6-7', '67', 'bytes 6-7/10'],
      ['bytes=8-', '89', 'bytes 8-9/10'],
      ['bytes=-3', '789', 'bytes 7-9/10'],
      ['bytes=9-400', '9', 'bytes 9-9/10'],
    ] as const) {
      const answer = await shop.ask('/a', { range })
      expect([answer.status, answer.text, answer.headers.get('content-range'), answer.headers.get('content-length'), answer.cache]).toEqual([
        206,
        text,
        said,
        String(text.length),
        'HIT',
      ])
    }
    expect(ranges(shop)).toEqual(['bytes=5-9'])
  })

  it.each([
    ['no range', {}, 200, WHOLE],
    ['more than is in it', { range: 'bytes=4-9' }, 206, '456789'],
    ['several ranges', { range: 'bytes=5-6,8-9' }, 200, WHOLE],
    ['a part of another version', { range: 'bytes=5-9', 'if-range': '"2"' }, 200, WHOLE],
    ['a change', { range: 'bytes=5-9', 'if-none-match': '"1"' }, 304, ''],
  ])('is not the answer to a request for %s', async (_name, headers, status, text) => {
    const shop = openRanges()
    await shop.ask('/a', { range: 'bytes=5-9' })
    const answer = await shop.ask('/a', headers)
    expect([answer.status, answer.text]).toEqual([status, text])
    expect(ranges(shop)).toEqual(['bytes=5-9', null])
  })

  it('is not the answer to a HEAD', async () => {
    const shop = openRanges()
    await shop.ask('/a', { range: 'bytes=5-9' })
    expect((await shop.ask('/a', { range: 'bytes=5-9' }, 'HEAD')).cache).toBe('MISS')
  })

  it('is told apart by Vary, and by the If-Range that names it', async () => {
    const shop = openRanges({ headers: { ...FRESH, vary: 'x-tone' } })
    await shop.ask('/a', { range: 'bytes=5-9', 'x-tone': 'loud' })
    expect((await shop.ask('/a', { range: 'bytes=5-9', 'x-tone': 'loud', 'if-range': '"1"' })).cache).toBe('HIT')
    expect((await shop.ask('/a', { range: 'bytes=5-9', 'x-tone': 'soft' })).cache).toBe('MISS')
  })

  it('ends with its lifetime, with an invalidation, and when the whole has come', async () => {
    const shop = openRanges({ sizeBytes: 9000 })
    const again = async (): Promise<string | null> => (await shop.ask('/a', { range: 'bytes=5-9' })).cache
    expect([await again(), await again()]).toEqual(['MISS', 'HIT'])
    shop.clock.advance(60_000)
    expect([await again(), await again()]).toEqual(['MISS', 'HIT'])
    await shop.cache.purge('http://shop.test/a')
    expect([await again(), await again()]).toEqual(['MISS', 'HIT'])
    await shop.ask('/a', {}, 'DELETE')
    expect([await again(), await again()]).toEqual(['MISS', 'HIT'])
    shop.text = 'abcdefghij'
    expect((await shop.ask('/a')).text).toBe('abcdefghij')
    expect((await shop.ask('/a', { range: 'bytes=5-9' })).text).toBe('fghij')
  })
})

describe('parts of something larger than is kept', () => {
  it('are kept beside each other, each asked for once', async () => {
    const shop = openRanges({ sizeBytes: 9000 })
    const asked = ['bytes=0-1', 'bytes=2-3', 'bytes=4-5']
    for (const range of [...asked, ...asked]) await shop.ask('/a', { range })
    expect(ranges(shop)).toEqual(asked)
  })

  it('give way to those of another version', async () => {
    const shop = openRanges({ sizeBytes: 9000 })
    await shop.ask('/a', { range: 'bytes=0-1' })
    Object.assign(shop, { text: 'abcdefghij', headers: { ...FRESH, etag: '"2"' } })
    await shop.ask('/a', { range: 'bytes=2-3' })
    expect((await shop.ask('/a', { range: 'bytes=0-1' })).text).toBe('ab')
  })

  it('are eight at most, and no more bytes together than one body may have', async () => {
    const many = openRanges({ sizeBytes: 9000 })
    for (let i = 0; i < 10; i++) await many.ask('/a', { range: `bytes=${i}-${i}` })
    for (let i = 9; i >= 0; i--) await many.ask('/a', { range: `bytes=${i}-${i}` })
    expect(ranges(many).slice(10)).toEqual(['bytes=1-1', 'bytes=0-0'])
    const large = openRanges({ sizeBytes: 9000, maxBody: '1kb' })
    large.text = 'x'.repeat(2000)
    const asked = ['bytes=0-599', 'bytes=600-999', 'bytes=1000-1599', 'bytes=600-999', 'bytes=0-599']
    for (const range of asked) expect((await large.ask('/a', { range })).status).toBe(206)
    expect(ranges(large)).toEqual(['bytes=0-599', 'bytes=600-999', 'bytes=1000-1599', 'bytes=0-599'])
  })
})

describe('a part is not kept', () => {
  const never = async (headers: Record<string, string>, text = 'part', request: Record<string, string> = {}): Promise<void> => {
    const shop = openShop()
    shop.answer(() => new Response(text, { status: 206, headers: { ...FRESH, ...headers } }))
    for (let call = 1; call <= 2; call++) {
      const { status, text: got } = await shop.ask('/a', { range: 'bytes=0-3', ...request })
      expect([status, got, shop.seen.length]).toEqual([206, text, call])
    }
  }

  it.each(['bytes 0-4/9000', 'bytes 0-2/9000', 'bytes 3-0/9000', 'bytes 0-3/*', 'bytes 0-3/3', 'items 0-3/9000', 'bytes 0-3', ''])(
    'when it says %j of four bytes',
    range => never({ 'content-range': range }),
  )

  it('when it is of something private, and each range of that is answered as a part', async () => {
    const shop = openRanges({ headers: { 'cache-control': 'private, max-age=60' } })
    for (const range of ['bytes=0-1', 'bytes=2-3', 'bytes=0-1']) expect((await shop.ask('/a', { range })).status).toBe(206)
    expect(ranges(shop)).toEqual(['bytes=0-1', 'bytes=2-3', 'bytes=0-1'])
  })

  it('when it is several', () => never({ 'content-type': 'multipart/byteranges; boundary=x' }, '--x--'))

  it.each([{ 'cache-control': 'private, max-age=60' }, { 'cache-control': 'no-store' }, { vary: '*' }, { 'set-cookie': 'a=b' }])('with %j', headers =>
    never({ 'content-range': 'bytes 0-3/9000', ...headers }),
  )

  it.each([{ authorization: 'Bearer a' }, { cookie: 'a=b' }, { 'x-forwarded-host': 'evil.test' }])('for a request with %j', request =>
    never({ 'content-range': 'bytes 0-3/9000' }, 'part', request),
  )
})
