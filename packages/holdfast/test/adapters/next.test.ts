import { type FakeClock, fakeClock } from '@holdfast/testkit'
import type { CacheHandler } from 'next/cache.js'
import type { CacheHandler as IncrementalHandler } from 'next/dist/server/lib/incremental-cache/index.js'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { type FunctionCacheHandler, functionCache, type IncrementalCacheHandler, incrementalCache, responseCache } from '../../src/adapters/next.ts'
import { createTieredCache, type TieredCache } from '../../src/cache/index.ts'
import { createResponseCache } from '../../src/http/index.ts'
import { createRegistry } from '../../src/telemetry/index.ts'

let clock: FakeClock
let cache: TieredCache
let functions: FunctionCacheHandler
let pages: IncrementalCacheHandler

beforeEach(() => {
  clock = fakeClock()
  cache = createTieredCache({ jitter: 0 }, { registry: createRegistry(), clock })
  functions = functionCache(() => ({ cache }), { clock })
  pages = new (incrementalCache(() => ({ cache }), { clock }))({})
})
afterEach(() => vi.unstubAllEnvs())

const streamOf = (...parts: (string | Error)[]): ReadableStream<Uint8Array> =>
  new ReadableStream({
    pull(controller) {
      const next = parts.shift()
      if (next === undefined) controller.close()
      else if (typeof next === 'string') controller.enqueue(Buffer.from(next))
      else controller.error(next)
    },
  })
const entry = (value: ReadableStream<Uint8Array>, tags: string[] = ['fund:7'], expire = 3600, timestamp = clock.nowMs()) =>
  Promise.resolve({ value, tags, stale: 30, timestamp, expire, revalidate: 60 })
const textOf = async (key: string): Promise<string | undefined> => {
  const found = await functions.get(key, [])
  return found && new Response(found.value).text()
}
const page = (html: string, tags = '_N_T_/layout,_N_T_/fund/7,fund:7') => ({
  kind: 'APP_PAGE',
  html,
  rscData: Buffer.from('rsc'),
  headers: { 'x-next-cache-tags': tags },
  postponed: undefined,
  status: 200,
  segmentData: new Map([['/_tree', Buffer.from('tree')]]),
})
const HOUR = { cacheControl: { revalidate: 3600, expire: 7200 } }
const readPage = (key = '/fund/7') => pages.get(key, { kind: 'APP_PAGE' })

it('has the interfaces that Next.js 16 asks for', () => {
  // Compiled, not run: each is given where Next.js takes it.
  const handler: CacheHandler = functions
  const incremental: Pick<IncrementalHandler, 'get' | 'set' | 'revalidateTag' | 'resetRequestCache'> = pages
  expect([typeof handler.getExpiration, typeof incremental.get]).toEqual(['function', 'function'])
})

it('gives each reader of a result a stream of its own, until its end or its tag', async () => {
  await functions.set('k', entry(streamOf('a', 'b')))
  expect([await textOf('k'), await textOf('k'), await textOf('other')]).toEqual(['ab', 'ab', undefined])
  expect(await functions.get('k', [])).toMatchObject({ tags: ['fund:7'], stale: 30, expire: 3600, revalidate: 60 })
  await cache.invalidateTags('fund:7')
  expect(await textOf('k')).toBe(undefined)
  await functions.set('k', entry(streamOf('c'), [], 10))
  clock.advance(11_000)
  expect(await textOf('k')).toBe(undefined)
})

it('lets a read wait for a result that is about to be stored', async () => {
  let arrive!: (found: Awaited<ReturnType<typeof entry>>) => void
  const storing = functions.set(
    'k',
    new Promise(resolve => {
      arrive = resolve
    }),
  )
  const read = textOf('k')
  arrive(await entry(streamOf('late')))
  await storing
  expect(await read).toBe('late')
})

it('does not keep what was invalidated while it was made, what breaks off, and what is too large or past its end', async () => {
  const begunAtMs = clock.nowMs()
  clock.advance(1000)
  await functions.updateTags(['fund:7'], { expire: 3600 })
  clock.advance(1000)
  await functions.set('old', entry(streamOf('old'), ['fund:7'], 3600, begunAtMs))
  await functions.set('new', entry(streamOf('new')))
  await functions.set('half', entry(streamOf('half', new Error('broken off'))))
  await functions.set('large', entry(streamOf(...Array.from({ length: 9 }, () => 'x'.repeat(1024 * 1024)))))
  await functions.set('dead', entry(streamOf('dead'), [], 0))
  await functions.set('untaggable', entry(streamOf('untaggable'), ['x'.repeat(256)]))
  const keys = ['old', 'new', 'half', 'large', 'dead', 'untaggable']
  expect(await Promise.all(keys.map(textOf))).toEqual([undefined, 'new', undefined, undefined, undefined, undefined])
  clock.advance(100)
  await cache.clear()
  await functions.set('cleared', entry(streamOf('cleared'), [], 3600, begunAtMs))
  expect(await textOf('cleared')).toBe(undefined)
})

it('tells when a path was revalidated, and does not mind what is no tag', async () => {
  expect(await functions.getExpiration(['_N_T_/fund/7', 'fund:7'])).toBe(0)
  clock.advance(5000)
  await functions.updateTags(['_N_T_/fund/7', '', 'x'.repeat(300)])
  expect(await functions.getExpiration(['_N_T_/fund/7', '_N_T_/layout'])).toBe(clock.nowMs())
})

it('gives a page back as it was, and drops it by its tags and paths', async () => {
  for (const tag of ['fund:7', '_N_T_/fund/7']) {
    await pages.set('/fund/7', page('<p>1</p>'), HOUR)
    expect(await readPage()).toEqual({ lastModified: clock.nowMs(), value: page('<p>1</p>'), cacheControl: HOUR.cacheControl })
    await pages.revalidateTag(tag, { expire: 3600 })
    expect(await readPage()).toBe(null)
  }
  await pages.set('/gone', null, HOUR)
  expect(await readPage('/gone')).toMatchObject({ value: null })
})

it('does not keep a page that was invalidated while it was rendered, first or anew', async () => {
  await readPage()
  clock.advance(1000)
  await pages.revalidateTag(['fund:7'])
  await pages.set('/fund/7', page('old'), HOUR)
  expect(await readPage()).toBe(null)
  await pages.set('/fund/7', page('new'), HOUR)
  clock.advance(3_600_000)
  // Past its time: Next.js serves it, and renders it anew in the background.
  expect((await readPage())?.value.html).toBe('new')
  clock.advance(1000)
  await cache.invalidateTags('fund:7')
  await pages.set('/fund/7', page('older'), HOUR)
  expect(await readPage()).toBe(null)
})

it('keeps the result of a fetch under all tags that any place gave it', async () => {
  const data = { kind: 'FETCH', data: { headers: {}, body: 'b', url: 'u' }, revalidate: 60 }
  const read = (tags: string[], softTags: string[] = []) => pages.get('f', { kind: 'FETCH', tags, softTags })
  await pages.set('f', data, { fetchCache: true, tags: ['a'] })
  expect(await read(['a'])).toMatchObject({ value: data })
  expect(await read(['b'])).toBe(null)
  await pages.set('f', data, { fetchCache: true, tags: ['b'] })
  expect([await read(['a']), await read(['b'])]).toMatchObject([{ value: data }, { value: data }])
  clock.advance(1000)
  await pages.revalidateTag('_N_T_/fund/7')
  expect([await read(['a'], ['_N_T_/fund/7']), await read(['a'], ['_N_T_/fund/8'])]).toMatchObject([null, { value: data }])
})

it('neither reads nor stores while Next.js builds, and asks for no Redis', async () => {
  vi.stubEnv('NEXT_PHASE', 'phase-production-build')
  const refuse = (): never => {
    throw new Error('a build has no Redis')
  }
  const handler = functionCache(refuse)
  const built = new (incrementalCache(refuse))({})
  await handler.set('k', entry(streamOf('x')))
  await handler.updateTags(['a'])
  await built.set('/a', page('x'), HOUR)
  await built.revalidateTag('a')
  expect([await handler.get('k', []), await handler.getExpiration(['_N_T_/a']), await built.get('/a', { kind: 'APP_PAGE' })]).toEqual([
    undefined,
    0,
    null,
  ])
  const route = responseCache(refuse, () => new Response('made'))
  expect(await (await route(new Request('http://a.test/', { headers: { host: 'a.test' } }), undefined)).text()).toBe('made')
})

it('does not store an answer that was made of a result whose tags nobody knew yet', async () => {
  const responses = createResponseCache({}, { cache, registry: createRegistry(), clock })
  const route = responseCache(
    () => ({ responses }),
    async () => {
      const text = await textOf('k')
      if (text === undefined) await functions.set('k', entry(streamOf('made')))
      return new Response('made', { headers: { 'cache-control': 'public, max-age=600' } })
    },
  )
  const ask = async () => (await route(new Request('http://a.test/', { headers: { host: 'a.test' } }), undefined)).headers.get('x-cache')
  expect([await ask(), await ask(), await ask()]).toEqual(['MISS', 'MISS', 'HIT'])
  await functions.updateTags(['fund:7'])
  expect(await ask()).toBe('MISS')
})
