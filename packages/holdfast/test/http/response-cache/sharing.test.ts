import { describe, expect, it } from 'vitest'
import { openShop, page } from './harness.ts'

describe('nothing of one user reaches another', () => {
  it.each<[name: string, request: Record<string, string>, response: Record<string, string>, isShared: boolean]>([
    ['Authorization', { authorization: 'Bearer a' }, { 'cache-control': 'max-age=60' }, false],
    ['Authorization with must-revalidate', { authorization: 'Bearer a' }, { 'cache-control': 'max-age=60, must-revalidate' }, false],
    ['Authorization with public', { authorization: 'Bearer a' }, { 'cache-control': 'public, max-age=60' }, true],
    ['Authorization with s-maxage', { authorization: 'Bearer a' }, { 'cache-control': 's-maxage=60' }, true],
    ['Cookie', { cookie: 'sid=a' }, { 'cache-control': 'max-age=60' }, false],
    ['Cookie with public', { cookie: 'sid=a' }, { 'cache-control': 'public, max-age=60' }, true],
    ['Set-Cookie', {}, { 'cache-control': 'max-age=60', 'set-cookie': 'sid=a' }, false],
    ['private', {}, { 'cache-control': 'private, max-age=60' }, false],
    ['X-Forwarded-Host', { 'x-forwarded-host': 'evil.test' }, { 'cache-control': 'public, max-age=60' }, false],
    ['X-Forwarded-Proto', { 'x-forwarded-proto': 'http' }, { 'cache-control': 'public, max-age=60' }, false],
    ['X-Original-URL', { 'x-original-url': '/admin' }, { 'cache-control': 'public, max-age=60' }, false],
    ['X-HTTP-Method-Override', { 'x-http-method-override': 'DELETE' }, { 'cache-control': 'public, max-age=60' }, false],
  ])('%s', async (_, request, response, isShared) => {
    const shop = openShop()
    shop.answer((_request, call) => page(call, response))
    await shop.ask('/a', request)
    const other = await shop.ask('/a')
    expect(other.text).toBe(isShared ? 'call 1' : 'call 2')
    if (isShared) expect(other.headers.has('set-cookie')).toBe(false)
  })

  it('gives what belongs to one request to that request alone: cookies, and what private and no-cache name', async () => {
    const shop = openShop()
    shop.answer((_, call) =>
      page(call, { 'cache-control': 'public, max-age=60, private="x-p"', 'set-cookie': 'sid=a', 'x-p': 'mine', ratelimit: '"a";r=1' }),
    )
    const own = ['set-cookie', 'x-p', 'ratelimit']
    const [first, waited] = await Promise.all([shop.ask(), shop.ask()])
    expect(own.map(name => first.headers.get(name))).toEqual(['sid=a', 'mine', '"a";r=1'])
    for (const other of [waited, await shop.ask()])
      expect([other.text, ...own.map(name => other.headers.get(name))]).toEqual(['call 1', null, null, null])
  })

  it('answers somebody with a cookie from what was stored without one only as the origin allowed by Vary', async () => {
    const shop = openShop()
    shop.answer((request, call) =>
      page(call, { 'cache-control': 'public, max-age=60', vary: 'cookie', 'x-user': request.headers.get('cookie') ?? 'nobody' }),
    )
    await shop.ask('/a', { cookie: 'sid=a' })
    expect((await shop.ask('/a', { cookie: 'sid=b' })).headers.get('x-user')).toBe('sid=b')
    expect((await shop.ask('/a')).headers.get('x-user')).toBe('nobody')
  })

  it('keeps identities apart where the route names them', async () => {
    const shop = openShop({ identity: ({ lines }) => lines[lines.indexOf('x-user') + 1], ttl: '1m' })
    shop.answer((request, call) => page(call, { 'cache-control': 'private, max-age=60', 'x-for': request.headers.get('x-user')! }))
    for (const user of ['a', 'b', 'a', 'b']) expect((await shop.ask('/a', { 'x-user': user, cookie: `sid=${user}` })).headers.get('x-for')).toBe(user)
    expect(shop.seen.length).toBe(2)
  })

  it('does not cache requests whose identity is unknown', async () => {
    const shop = openShop({ identity: () => undefined })
    shop.answer((_, call) => page(call, { 'cache-control': 'public, max-age=60' }))
    await shop.ask()
    await shop.ask()
    expect(shop.seen.length).toBe(2)
  })

  it('keeps hosts apart, also those that a trusted proxy names', async () => {
    const shop = openShop({ trustForwarded: true })
    shop.answer((_, call) => page(call, { 'cache-control': 'public, max-age=60' }))
    for (const host of ['a.test', 'b.test', 'a.test']) await shop.ask('/a', { 'x-forwarded-host': host, 'x-forwarded-proto': 'https' })
    expect(shop.seen.length).toBe(2)
  })

  it('sends a GET with a body around the cache', async () => {
    const shop = openShop()
    shop.answer((_, call) => page(call, { 'cache-control': 'public, max-age=60' }))
    await shop.ask('/a', { 'content-length': '5' })
    await shop.ask()
    expect(shop.seen.length).toBe(2)
  })
})

describe('collapsing', () => {
  it('asks the handler once for fifty callers, and gives all of them its answer', async () => {
    const shop = openShop()
    let release!: () => void
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    shop.answer(async (_, call) => {
      await gate
      return page(call, { 'cache-control': 'max-age=60' })
    })
    const asked = Array.from({ length: 50 }, () => shop.ask())
    await new Promise(setImmediate)
    release()
    expect(new Set((await Promise.all(asked)).map(({ text }) => text))).toEqual(new Set(['call 1']))
    expect(shop.seen.length).toBe(1)
  })

  it('runs requests at once whose answers cannot be shared', async () => {
    const shop = openShop()
    let open = 0
    let most = 0
    shop.answer(async (_, call) => {
      most = Math.max(most, ++open)
      await new Promise(setImmediate)
      open--
      return page(call, { 'cache-control': 'no-store' })
    })
    await shop.ask()
    const texts = (await Promise.all(Array.from({ length: 20 }, () => shop.ask()))).map(({ text }) => text)
    expect(new Set(texts).size).toBe(20)
    expect(most).toBe(20)
  })

  it('does not hold others up behind a handler that hangs', async () => {
    const shop = openShop()
    shop.answer((_, call) => (call === 1 ? new Promise<Response>(() => undefined) : page(call, { 'cache-control': 'max-age=60' })))
    void shop.ask()
    await new Promise(setImmediate)
    const second = shop.ask()
    await new Promise(setImmediate)
    shop.clock.advance(10_000)
    expect((await second).text).toBe('call 2')
  })

  it('follows nobody whose answer has not come for ten seconds, and collapses anew', async () => {
    const shop = openShop()
    shop.answer((_, call) => (call === 1 ? new Promise<Response>(() => undefined) : page(call, { 'cache-control': 'max-age=60' })))
    void shop.ask()
    await new Promise(setImmediate)
    shop.clock.advance(10_000)
    const texts = (await Promise.all(Array.from({ length: 10 }, () => shop.ask()))).map(({ text }) => text)
    expect([new Set(texts), shop.seen.length]).toEqual([new Set(['call 2']), 2])
  })

  it('does not store what was under way when it was purged', async () => {
    const shop = openShop()
    let release!: () => void
    const gate = new Promise<void>(resolve => {
      release = resolve
    })
    shop.answer(async (_, call) => {
      if (call === 1) await gate
      return page(call, { 'cache-control': 'max-age=60' })
    })
    const old = shop.ask()
    await new Promise(setImmediate)
    await shop.cache.purge('http://shop.test/a')
    expect((await shop.ask()).text).toBe('call 2')
    release()
    expect((await old).text).toBe('call 1')
    expect((await shop.ask()).text).toBe('call 2')
  })
})

describe('bodies', () => {
  it('passes on what is too large, whole, and does not store it', async () => {
    const shop = openShop({ maxBody: '10b' })
    const text = 'x'.repeat(100_000)
    shop.answer(() => new Response(new Blob([text]).stream(), { headers: { 'cache-control': 'max-age=60' } }))
    for (let i = 0; i < 2; i++) expect((await shop.ask()).text).toBe(text)
    expect(shop.seen.length).toBe(2)
  })

  it('never stores a body that breaks off', async () => {
    const shop = openShop()
    shop.answer((_, call) => {
      if (call > 1) return page(call, { 'cache-control': 'max-age=60' })
      const body = new ReadableStream<Uint8Array>({
        start: controller => controller.enqueue(new TextEncoder().encode('half')),
        pull: controller => controller.error(new Error('cut')),
      })
      return new Response(body, { headers: { 'cache-control': 'max-age=60' } })
    })
    await expect(shop.ask()).rejects.toThrow('cut')
    expect((await shop.ask()).text).toBe('call 2')
  })

  it('streams events through as they come', async () => {
    const shop = openShop()
    shop.answer(() => new Response('data: 1\n\n', { headers: { 'cache-control': 'max-age=60', 'content-type': 'text/event-stream' } }))
    expect((await shop.ask()).text).toBe('data: 1\n\n')
    await shop.ask()
    expect(shop.seen.length).toBe(2)
  })
})
