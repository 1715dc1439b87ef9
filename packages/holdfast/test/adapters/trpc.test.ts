import { fakeClock } from '@holdfast/testkit'
import { initTRPC, TRPCError } from '@trpc/server'
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { expect, it } from 'vitest'
import { cached, responseMeta } from '../../src/adapters/trpc.ts'
import { createTieredCache } from '../../src/cache/index.ts'
import { createResponseCache, type ResponseCacheOptions } from '../../src/http/index.ts'
import { createRegistry } from '../../src/telemetry/index.ts'

/** A router behind the response cache, and what its procedures did. */
function openRouter(options: ResponseCacheOptions = {}) {
  const registry = createRegistry()
  const data = createTieredCache({ jitter: 0 }, { registry, clock: fakeClock() })
  const responses = createResponseCache(options, { cache: data, registry })
  const calls: string[] = []
  const t = initTRPC.context<{ user: string | null }>().create()
  const called = (name: string, user: string | null = null): string => `${name} ${calls.push(name)} ${user ?? ''}`.trim()
  const router = t.router({
    funds: t.procedure.use(cached({ ttl: '1m', sharedBy: 'everyone', tags: ['funds'] })).query(() => called('funds')),
    fund: t.procedure
      .input(value => value as { id: string })
      .use(cached({ ttl: '2m', tags: input => [`fund:${(input as { id: string }).id}`] }))
      .query(async ({ input, ctx }) => data.getOrSet(`units:${input.id}`, () => called(`fund ${input.id}`, ctx.user), { tags: ['units'] })),
    mine: t.procedure.use(cached({ ttl: '1m', sharedBy: 'identity' })).query(({ ctx }) => called('mine', ctx.user)),
    live: t.procedure.query(() => called('live')),
    failing: t.procedure.use(cached({ ttl: '1m', sharedBy: 'everyone' })).query(() => {
      called('failing')
      throw new TRPCError({ code: 'NOT_FOUND' })
    }),
    save: t.procedure.use(cached({ ttl: '1m', sharedBy: 'everyone' })).mutation(() => called('save')),
  })
  const ask = async (path: string, input?: unknown, init: RequestInit = {}) => {
    const query = input === undefined ? '' : `${path.includes('?') ? '&' : '?'}input=${encodeURIComponent(JSON.stringify(input))}`
    const response = await responses.fetch(new Request(`http://shop.test/trpc/${path}${query}`, init), req =>
      fetchRequestHandler({ endpoint: '/trpc', req, router, responseMeta, createContext: () => ({ user: req.headers.get('cookie') }) }),
    )
    const said = [response.headers.get('cache-control'), response.headers.get('holdfast-cache-control'), response.headers.get('cache-tag')]
    return {
      cache: response.headers.get('x-cache'),
      status: response.status,
      text: await response.text(),
      said,
      why: response.headers.get('cache-status'),
    }
  }
  return { ask, calls, data }
}

const A = { headers: { cookie: 'a' } }
const B = { headers: { cookie: 'b' } }

it('answers a cached query from the cache, and tells browsers to ask each time', async () => {
  const { ask, calls } = openRouter()
  const first = await ask('funds')
  expect([first.cache, first.said]).toEqual(['MISS', ['no-cache', null, 'funds']])
  expect(await ask('funds', undefined, A)).toMatchObject({ cache: 'HIT', text: first.text })
  expect(calls).toEqual(['funds'])
})

it('keeps inputs apart, and gives what may depend on who asks to nobody else', async () => {
  const { ask, calls } = openRouter()
  await ask('fund', { id: '7' })
  expect((await ask('fund', { id: '8' })).text).toContain('fund 8')
  expect((await ask('fund', { id: '7' })).cache).toBe('HIT')
  const own = openRouter()
  expect((await own.ask('fund', { id: '7' }, A)).why).toContain('cookie')
  expect((await own.ask('fund', { id: '9' }, B)).text).toContain('fund 9 2 b')
  expect((await ask('mine', undefined, A)).text).not.toBe((await ask('mine', undefined, B)).text)
  expect(calls.filter(name => name === 'mine').length).toBe(2)
})

it('keeps the answers of each identity, where the rule knows it', async () => {
  const identity = ({ lines }: { lines: readonly string[] }) => lines[lines.indexOf('cookie') + 1]
  const { ask, calls } = openRouter({ rules: [{ path: '/trpc/*', identity }] })
  const a = await ask('mine', undefined, A)
  expect((await ask('mine', undefined, B)).text).toContain('mine 2 b')
  expect(await ask('mine', undefined, A)).toMatchObject({ cache: 'HIT', text: a.text })
  expect(calls.length).toBe(2)
})

it('stores a batch only when every call in it may be stored, for the narrowest circle', async () => {
  const { ask, calls } = openRouter()
  const both = ['funds,fund?batch=1', { 1: { id: '7' } }] as const
  await ask(...both)
  expect((await ask(...both)).cache).toBe('HIT')
  // The fund is not for everyone, so the batch is not either.
  expect((await ask('funds,fund?batch=1', { 1: { id: '8' } }, A)).why).toContain('cookie')
  for (const path of ['funds,live?batch=1', 'live?batch=1', 'funds,failing?batch=1', 'failing', 'funds,nowhere?batch=1']) {
    const before = calls.length
    for (let i = 0; i < 2; i++) expect((await ask(path)).cache, path).not.toBe('HIT')
    expect(calls.length - before, path).toBeGreaterThanOrEqual(2)
  }
  // tRPC refuses it.
  expect((await ask('funds,save?batch=1')).said[0]).toBe('private, no-store')
})

it('never stores a mutation, nor a query sent by POST, nor a stream', async () => {
  const { ask, calls } = openRouter()
  const post = { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }
  for (let i = 0; i < 2; i++) expect((await ask('save', undefined, post)).cache).not.toBe('HIT')
  for (let i = 0; i < 2; i++) await ask('funds', undefined, post)
  for (let i = 0; i < 2; i++) {
    const streamed = await ask('funds?batch=1', undefined, { headers: { 'trpc-accept': 'application/jsonl' } })
    expect([streamed.cache, streamed.said[0]]).toEqual(['MISS', 'private, no-store'])
  }
  expect(calls.filter(name => name === 'funds').length).toBeGreaterThanOrEqual(2)
  expect(calls.filter(name => name === 'save').length).toBe(2)
})

it('drops the answer with its tags and with the data that it was made of', async () => {
  const { ask, calls, data } = openRouter()
  for (const tag of ['fund:7', 'units']) {
    await ask('fund', { id: '7' })
    expect((await ask('fund', { id: '7' })).cache).toBe('HIT')
    await data.invalidateTags(tag)
    expect((await ask('fund', { id: '7' })).cache).toBe('MISS')
  }
  expect(calls).toEqual(['fund 7', 'fund 7'])
})

it('refuses a bad duration when the router is made, and stores nothing under a tag that no field can carry', async () => {
  expect(() => cached({ ttl: 'soon' as '1s' })).toThrow(expect.objectContaining({ code: 'HF_CONFIG_DURATION' }))
  const { ask } = openRouter()
  expect((await ask('fund', { id: '7,8' })).said[0]).toBe('private, no-store')
})
