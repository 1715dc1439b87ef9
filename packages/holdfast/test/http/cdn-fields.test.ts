import { createTieredCache } from 'holdfast/cache'
import type { TagField } from 'holdfast/core'
import { createResponseCache, type RouteRule } from 'holdfast/http'
import { createRegistry } from 'holdfast/telemetry'
import { expect, it } from 'vitest'
import { tagsForCdn } from '../../src/http/cdn-fields.ts'

const CLOUDFLARE: TagField = { name: 'Cache-Tag', separator: ',', maxBytes: 16_384, maxTags: 1000, obeysTargeted: true, variesBy: ['origin'] }
const CLOUDFRONT: TagField = { ...CLOUDFLARE, maxBytes: 8192, maxTags: 50, obeysTargeted: false, variesBy: ['accept-language'] }
const FASTLY: TagField = { name: 'Surrogate-Key', separator: ' ', maxBytes: 16_384, maxTags: 1000, obeysTargeted: false, variesBy: 'all' }
function toCdn(fields: TagField[], cacheGroups = false): (lines: string[], tags: string[] | undefined) => string[] {
  const make = tagsForCdn({ fields, cacheGroups, common: 'holdfast:app' }, createRegistry())
  return (lines, names) => make(lines, names, false)
}
const tags = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`)

it('names tags in the field of each CDN, in the place of what the handler said', () => {
  const lines = toCdn([CLOUDFLARE, FASTLY])(['Content-Type', 'text/html', 'Cache-Tag', 'old'], ['a b', 'c'])
  expect(lines).toEqual(['Content-Type', 'text/html', 'Cache-Tag', 'holdfast:app,a%20b,c', 'Surrogate-Key', 'holdfast:app a%20b c'])
})

it('drops no tag: at the limit of the narrowest CDN all are named, beyond it the answer is kept out, also where only private does that', () => {
  const both = toCdn([CLOUDFLARE, CLOUDFRONT])
  expect(both([], tags(49))[1]!.split(',')).toHaveLength(50)
  const control = 'public, s-maxage=600, max-age=60, must-revalidate'
  const lines = ['Cache-Control', control, 'Surrogate-Control', 'max-age=9', 'Cloudflare-CDN-Cache-Control', 'max-age=9', 'ETag', '"1"']
  expect(both(lines, tags(50))).toEqual(['ETag', '"1"', 'CDN-Cache-Control', 'no-store', 'Cache-Control', 'private, max-age=60, must-revalidate'])
  expect(toCdn([CLOUDFLARE])(lines, tags(1000))).toEqual(['Cache-Control', control, 'ETag', '"1"', 'CDN-Cache-Control', 'no-store'])
  // A tag that is none reaches no CDN, so neither may the answer.
  expect(toCdn([CLOUDFLARE])([], undefined)).toEqual(['CDN-Cache-Control', 'no-store'])
})

it('leaves answers alone that no shared cache stores, and keeps Cache-Groups within its budget', () => {
  expect(toCdn([CLOUDFLARE])(['Cache-Control', 'private, max-age=5'], ['a'])).toEqual(['Cache-Control', 'private, max-age=5'])
  // Browsers ask each time, and the CDN stores it all the same.
  const targeted = ['Cache-Control', 'no-store', 'CDN-Cache-Control', 'max-age=60']
  expect(toCdn([CLOUDFLARE])(targeted, ['a'])).toEqual([...targeted, 'Cache-Tag', 'holdfast:app,a'])
  expect(toCdn([], true)([], ['a"b'])).toEqual(['Cache-Groups', '"holdfast:app", "a\\"b"'])
  expect(toCdn([], true)([], tags(1000))).toEqual(['CDN-Cache-Control', 'no-store'])
})

it('keeps out what varies by a field that a CDN does not tell apart', () => {
  const answer = (vary: string): string[] => ['Cache-Control', 'max-age=60', 'Vary', vary]
  const named = ['Cache-Tag', 'holdfast:app,a']
  expect(toCdn([CLOUDFLARE])(answer('Accept-Encoding, ORIGIN'), ['a'])).toEqual([...answer('Accept-Encoding, ORIGIN'), ...named])
  for (const vary of ['Accept-Language', 'Origin, Cookie', '*'])
    expect(toCdn([CLOUDFLARE])(answer(vary), ['a'])).toEqual([...answer(vary), 'CDN-Cache-Control', 'no-store'])
  expect(toCdn([CLOUDFRONT])(answer('Accept-Language'), ['a'])).toEqual([...answer('Accept-Language'), ...named])
  expect(toCdn([FASTLY])(answer('Cookie'), ['a'])).toEqual([...answer('Cookie'), 'Surrogate-Key', 'holdfast:app a'])
  // Of two with one field, what both tell apart; of two fields, what each does.
  const worker: TagField = { ...CLOUDFLARE, variesBy: 'all' }
  for (const fields of [
    [worker, CLOUDFLARE],
    [CLOUDFLARE, worker],
    [CLOUDFRONT, CLOUDFLARE],
    [FASTLY, CLOUDFRONT],
  ])
    expect(toCdn(fields)(answer('Cookie'), ['a'])).toContain('no-store')
  expect(toCdn([worker, CLOUDFLARE])(answer('Origin'), ['a'])).toContain('holdfast:app,a')
  expect(toCdn([CLOUDFRONT, CLOUDFLARE])(answer('Origin'), ['a'])).toContain('no-store')
})

it('keeps out what was made for who asked, where a CDN would give it to everybody: it knows no identities and looks at no cookies', async () => {
  const deps = { registry: createRegistry() }
  const cdn = { names: ['cloudflare'], purgeUrl: async () => undefined, fields: { fields: [CLOUDFLARE], cacheGroups: false, common: 'holdfast:app' } }
  const mine = { path: '/mine', identity: ({ lines }: { lines: readonly string[] }) => lines[lines.indexOf('x-user') + 1] }
  const rules: RouteRule[] = [mine, { ...mine, path: '/large', maxBody: '1b' }, { path: '/shared', ignoreCookies: true }]
  const cache = createResponseCache({ rules }, { ...deps, cache: createTieredCache({}, deps), cdn })
  const ask = async (path: string, headers: Record<string, string>, control = 'max-age=60', more: Record<string, string> = {}) => {
    const answer = await cache.fetch(
      new Request(`https://a.example${path}`, { headers }),
      () => new Response('aa', { headers: { 'cache-control': control, ...more } }),
    )
    return [answer.headers.get('x-cache'), answer.headers.get('cdn-cache-control') ?? answer.headers.get('cache-tag')]
  }
  expect(await ask('/mine', { 'x-user': 'u7' }, 'public, max-age=60')).toEqual(['MISS', 'no-store'])
  expect(await ask('/mine', { 'x-user': 'u7' })).toEqual(['HIT', 'no-store'])
  expect(await ask('/large', { 'x-user': 'u7' }, 'public, max-age=60')).toEqual(['MISS', 'no-store'])
  for (const headers of [{ cookie: 'session=1' }, { authorization: 'Bearer 1' }]) {
    // The second one goes to the handler without waiting for anybody.
    for (let i = 0; i < 2; i++) expect(await ask('/own', headers)).toEqual(['MISS', 'no-store'])
    expect(await ask(`/said/${Object.keys(headers)}`, headers, 'public, max-age=60')).toEqual(['MISS', 'holdfast:app'])
  }
  expect(await ask('/cookie', {}, 'max-age=60', { 'set-cookie': 'session=2' })).toEqual(['MISS', 'no-store'])
  expect(await ask('/shared', { cookie: 'theme=dark' })).toEqual(['MISS', 'holdfast:app'])
  expect(await ask('/plain', {})).toEqual(['MISS', 'holdfast:app'])
  // As in the guide: browsers ask each time, and visitors' cookies change nothing.
  const targeted = { 'cdn-cache-control': 'public, max-age=60' }
  for (const state of ['MISS', 'HIT'])
    expect(await ask('/guide', { cookie: 'a=1' }, 'public, no-cache', targeted)).toEqual([state, 'public, max-age=60'])
})
