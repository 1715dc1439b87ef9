import { fakeClock } from '@holdfast/testkit'
import { describe, expect, it } from 'vitest'
import { createTieredCache, MAX_TAGS } from '../../../src/cache/index.ts'
import { createResponseCache, type ResponseCacheOptions } from '../../../src/http/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'
import { ORIGIN } from './harness.ts'

type Handler = (request: Request) => Response | Promise<Response>

function open(options: ResponseCacheOptions = {}) {
  const clock = fakeClock()
  const registry = createRegistry()
  const data = createTieredCache({ jitter: 0 }, { clock, registry })
  const responses = createResponseCache(options, { cache: data, registry, clock })
  const ask = async (handler: Handler, path = '/a', headers: Record<string, string> = {}, method = 'GET') => {
    const response = await responses.fetch(new Request(ORIGIN + path, { headers, method }), handler)
    return { text: await response.text(), cache: response.headers.get('x-cache'), status: response.headers.get('cache-status'), response }
  }
  return { clock, data, responses, ask }
}

const page = (text: string, headers: Record<string, string> = {}): Response =>
  new Response(text, { headers: { 'cache-control': 'public, max-age=60', ...headers } })

/** A promise and what settles it. */
function gate(): { promise: Promise<void>; open: () => void } {
  let open = (): void => undefined
  const promise = new Promise<void>(resolve => {
    open = resolve
  })
  return { promise, open }
}

describe('what another version of Holdfast has stored', () => {
  it.each<[name: string, stored: unknown]>([
    [
      'without a format and without tags',
      { varyBy: [], responses: [{ status: 200, lines: [], body: Buffer.from('old'), selectedBy: [], freshUntilMs: 9e15 }] },
    ],
    ['of a later format', { format: 999, variants: [] }],
    ['of no shape at all', 'text'],
  ])('%s is as if it were absent, and is replaced', async (_, stored) => {
    const { data, ask } = open()
    await data.set(`http:${ORIGIN}/a`, stored)
    expect((await ask(() => page('new'))).text).toBe('new')
    expect(await ask(() => page('newer'))).toMatchObject({ text: 'new', cache: 'HIT' })
  })
})

describe('tags of what a handler reads', () => {
  it('drops an answer with the data that it was made of, whether the data was loaded or a hit', async () => {
    const { data, ask } = open()
    let units = 1
    const handler: Handler = async () => page(`units ${await data.getOrSet('fund:7', () => units, { tags: ['fund:7'] })}`)
    await ask(handler)
    await ask(handler, '/b')
    units = 2
    expect([(await ask(handler)).text, (await ask(handler, '/b')).text]).toEqual(['units 1', 'units 1'])
    await data.invalidateTags('fund:7')
    expect([(await ask(handler)).text, (await ask(handler, '/b')).text]).toEqual(['units 2', 'units 2'])
  })

  it('knows reads of every kind: get, getMany, peek, bulk loads, a joined load, a namespace, and what the loader chose', async () => {
    const { data, ask } = open()
    await data.set('got', 1, { tags: ['t-got'] })
    await data.set('many', 1, { tags: ['t-many'] })
    await data.set('peeked', 1, { tags: ['t-peek'] })
    const held = gate()
    const joined = data.getOrSet('joined', () => held.promise, { tags: ['t-join'] })
    const reads: Record<string, () => Promise<unknown>> = {
      't-got': () => data.get('got'),
      't-many': () => data.getMany(['many']),
      't-peek': async () => data.peek('peeked'),
      't-bulk': () => data.getOrSetMany(['b1', 'b2'], keys => keys.map(key => [key, key] as const), { tags: ['t-bulk'] }),
      't-join': async () => {
        const value = data.getOrSet('joined', () => 'not called', { tags: ['t-join'] })
        held.open()
        return value
      },
      't-part': () => data.namespace('part').getOrSet('k', () => 1, { tags: ['t-part'] }),
      't-chosen': () =>
        data.getOrSet('chosen', ctx => {
          ctx.setTags('t-chosen')
          return 1
        }),
    }
    for (const [tag, read] of Object.entries(reads)) {
      let calls = 0
      const handler: Handler = async () => {
        await read()
        return page(`call ${++calls}`)
      }
      await ask(handler, `/${tag}`)
      expect((await ask(handler, `/${tag}`)).cache, tag).toBe('HIT')
      await data.invalidateTags(tag)
      expect((await ask(handler, `/${tag}`)).text, tag).toBe('call 2')
    }
    await joined
  })

  it('leaves reads of other requests out, also of those under way at the same time', async () => {
    const { data, ask } = open()
    const both = gate()
    const make =
      (name: string): Handler =>
      async () => {
        await data.getOrSet(name, () => 1, { tags: [name] })
        await both.promise
        return page(name)
      }
    const asked = Promise.all([ask(make('one'), '/one'), ask(make('two'), '/two')])
    both.open()
    await asked
    await data.invalidateTags('two')
    expect([(await ask(make('one'), '/one')).cache, (await ask(make('two'), '/two')).cache]).toEqual(['HIT', 'MISS'])
  })

  it('gives an answer made of another answer the tags of both', async () => {
    const { data, responses, ask } = open()
    const inner: Handler = async () => page(`${await data.getOrSet('deep', () => 1, { tags: ['deep'] })}`)
    const outer: Handler = async () => page(await (await responses.fetch(new Request(`${ORIGIN}/inner`), inner)).text())
    await ask(outer, '/o1')
    await ask(outer, '/o2')
    await data.invalidateTags('deep')
    expect([(await ask(outer, '/o1')).cache, (await ask(outer, '/o2')).cache]).toEqual(['MISS', 'MISS'])
  })

  it('keeps an answer fresh in the background with its tags', async () => {
    const { clock, data, ask } = open()
    let units = 1
    const handler: Handler = async () =>
      page(`units ${await data.getOrSet('fund:7', () => units, { tags: ['fund:7'], ttl: '1s' })}`, {
        'cache-control': 'public, max-age=10, stale-while-revalidate=60',
      })
    await ask(handler)
    clock.advance(20_000)
    units = 2
    expect((await ask(handler)).cache).toBe('STALE')
    await expect.poll(async () => (await ask(handler)).text).toBe('units 2')
    units = 3
    await data.invalidateTags('fund:7')
    expect((await ask(handler)).text).toBe('units 3')
  })
})

describe('invalidation while an answer is made', () => {
  it('is not lost: the answer goes to who asked before, and is not stored', async () => {
    const { data, ask } = open()
    let units = 1
    const [read, go] = [gate(), gate()]
    const slow: Handler = async () => {
      const seen = await data.getOrSet('fund:7', () => units, { tags: ['fund:7'] })
      read.open()
      await go.promise
      return page(`units ${seen}`)
    }
    const before = ask(slow)
    await read.promise
    units = 2
    await data.invalidateTags('fund:7')
    go.open()
    expect(await before).toMatchObject({ text: 'units 1', status: 'Holdfast; fwd=uri-miss; fwd-status=200; detail=outdated' })
    expect((await ask(slow)).text).toBe('units 2')
  })

  it('holds for tags of the rule before the handler has read anything, and for tags that the answer names', async () => {
    for (const [rule, headers] of [
      [['fund:7'], {}],
      [[], { 'cache-tag': 'fund:7' }],
    ] as const) {
      const { data, ask } = open({ rules: [{ path: '/a', tags: rule }] })
      const go = gate()
      const slow: Handler = async () => {
        await go.promise
        return page('old', headers)
      }
      const before = ask(slow)
      await new Promise(setImmediate)
      await data.invalidateTags('fund:7')
      go.open()
      await before
      expect((await ask(() => page('new'))).text).toBe('new')
    }
  })

  it('does not answer those who came after it with what was made before it, and asks once for all of them', async () => {
    const { data, ask } = open()
    let [units, calls] = [1, 0]
    const [read, go] = [gate(), gate()]
    const slow: Handler = async () => {
      calls++
      const seen = await data.getOrSet('fund:7', () => units, { tags: ['fund:7'] })
      read.open()
      await go.promise
      return page(`units ${seen}`)
    }
    const before = ask(slow)
    await read.promise
    units = 2
    await data.invalidateTags('fund:7')
    const after = Array.from({ length: 20 }, () => ask(slow))
    await new Promise(setImmediate)
    go.open()
    expect((await before).text).toBe('units 1')
    expect(new Set((await Promise.all(after)).map(({ text }) => text))).toEqual(new Set(['units 2']))
    expect(calls).toBe(2)
  })

  it('counts for reads on both sides of it: an answer half of old data is not stored', async () => {
    const { data, ask } = open()
    const half: Handler = async () => {
      const first = await data.getOrSet('x', () => 1, { tags: ['x'] })
      await data.invalidateTags('x')
      return page(`${first}${await data.getOrSet('x', () => 2, { tags: ['x'] })}`)
    }
    expect((await ask(half)).text).toBe('12')
    expect((await ask(() => page('whole'))).text).toBe('whole')
  })

  it('is that of everything, of a pattern and of a URL too', async () => {
    const ways: ((site: ReturnType<typeof open>) => Promise<unknown>)[] = [
      ({ data }) => data.clear(),
      ({ data }) => data.deletePattern('http:*'),
      ({ responses }) => responses.purge(`${ORIGIN}/a`),
    ]
    for (const forget of ways) {
      const site = open()
      const go = gate()
      const slow = site.ask(async () => {
        await go.promise
        return page('old')
      })
      await new Promise(setImmediate)
      await forget(site)
      go.open()
      await slow
      expect((await site.ask(() => page('new'))).text).toBe('new')
    }
  })
})

describe('tags that are said', () => {
  it('takes them from the rule, also by a function, and from Cache-Tag, Surrogate-Key and Cache-Groups, which stay on the answer', async () => {
    const byUrl = { path: '/user*', tags: ({ url }: { url: URL }) => [`user:${url.searchParams.get('id')}`] }
    const { data, ask } = open({ rules: [{ path: '/list', tags: ['list'] }, byUrl] })
    const cases: [path: string, tag: string, headers: Record<string, string>][] = [
      ['/list', 'list', {}],
      ['/user?id=7', 'user:7', {}],
      ['/a', 'two', { 'cache-tag': 'one, two' }],
      ['/b', 'two', { 'surrogate-key': 'one two' }],
      ['/c', 'my group', { 'cache-groups': '"one", "my group"' }],
    ]
    for (const [path, tag, headers] of cases) {
      await ask(() => page('old', headers), path)
      const hit = await ask(() => page('new', headers), path)
      expect(hit.cache).toBe('HIT')
      for (const [name, value] of Object.entries(headers)) expect(hit.response.headers.get(name)).toBe(value)
      await data.invalidateTags(`${tag}x`)
      expect((await ask(() => page('new'), path)).text).toBe('old')
      await data.invalidateTags(tag)
      expect((await ask(() => page('new'), path)).text).toBe('new')
    }
  })

  it('keeps what a confirmed answer was made of, though the handler that answers 304 reads nothing', async () => {
    const { clock, data, ask } = open()
    const handler: Handler = async request => {
      if (request.headers.get('if-none-match') === '"1"') return new Response(null, { status: 304, headers: { etag: '"1"' } })
      await data.getOrSet('fund:7', () => 1, { tags: ['fund:7'] })
      return page('body', { etag: '"1"', 'cache-control': 'public, max-age=10', 'cache-tag': 'said' })
    }
    for (const tag of ['fund:7', 'said']) {
      await ask(handler)
      clock.advance(20_000)
      expect((await ask(handler)).status).toBe('Holdfast; fwd=stale; fwd-status=304; stored')
      expect((await ask(handler)).cache).toBe('HIT')
      await data.invalidateTags(tag)
      expect((await ask(() => page('new', { 'cache-control': 'no-store' }))).text).toBe('new')
      clock.advance(60_000)
    }
  })

  it('does not let a confirmation bring back what was dropped while it was asked for', async () => {
    const { clock, data, ask } = open()
    const go = gate()
    const handler: Handler = async request => {
      if (!request.headers.has('if-none-match')) return page('old', { etag: '"1"', 'cache-control': 'public, max-age=10', 'cache-tag': 'x' })
      await go.promise
      return new Response(null, { status: 304, headers: { etag: '"1"' } })
    }
    await ask(handler)
    clock.advance(20_000)
    const confirming = ask(handler)
    await new Promise(setImmediate)
    await data.invalidateTags('x')
    go.open()
    await confirming
    expect((await ask(() => page('new'))).text).toBe('new')
  })

  it('drops the variants of a URL together, and adds no tags of variants that were replaced', async () => {
    const { clock, data, ask } = open()
    const made = (language: string, tag: string) => () => page(language, { vary: 'accept-language', 'cache-tag': tag })
    for (let round = 0; round < MAX_TAGS + 2; round++) {
      await ask(made('en', `en-${round}`), '/a', { 'accept-language': 'en' })
      clock.advance(61_000)
    }
    await ask(made('en', 'en-last'), '/a', { 'accept-language': 'en' })
    await ask(made('de', 'de'), '/a', { 'accept-language': 'de' })
    await data.invalidateTags('en-0')
    expect((await ask(made('en', 'x'), '/a', { 'accept-language': 'en' })).cache).toBe('HIT')
    await data.invalidateTags('de')
    expect((await ask(made('en', 'x'), '/a', { 'accept-language': 'en' })).cache).toBe('MISS')
  })

  it('stores nothing that an invalidation could not reach: too many tags, or what is none', async () => {
    const { ask } = open()
    const many = Array.from({ length: MAX_TAGS + 1 }, (_, i) => `t${i}`).join(',')
    for (const headers of [{ 'cache-tag': many }, { 'cache-tag': 'x'.repeat(300) }, { 'cache-groups': 'not a list,,' }, { 'cache-groups': '1' }]) {
      const { status, response } = await ask(() => page('a', headers))
      expect([response.status, status]).toEqual([200, 'Holdfast; fwd=uri-miss; fwd-status=200; detail=tags'])
    }
  })

  it('forgets the groups that the answer to an unsafe request names', async () => {
    const { ask } = open()
    await ask(() => page('old', { 'cache-groups': '"scores"' }))
    await ask(() => page('', { 'cache-group-invalidation': '"scores"' }), '/other', {}, 'POST')
    expect((await ask(() => page('new'))).text).toBe('new')
  })

  it('refuses tags of a rule that are none', () => {
    expect(() => open({ rules: [{ path: '/a', tags: [''] }] })).toThrow(/http.rules\[0\].tags/)
    expect(() => open({ rules: [{ path: '/a', tags: Array.from({ length: MAX_TAGS + 1 }, (_, i) => `t${i}`) }] })).toThrow(/65, and 64 is the most/)
  })
})
