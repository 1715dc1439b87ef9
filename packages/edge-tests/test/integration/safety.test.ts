import { inspect } from 'node:util'
import { workerEndpoint } from 'holdfast/cdn'
import { signPurge } from 'holdfast/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, type Asking, ask } from '../asking.ts'
import { type Origin, page, startOrigin } from '../origin.ts'
import { bundleWorker, startWorkerd, type Workerd } from '../workerd.ts'

const SECRET = 'correct horse battery staple 0123'
const OLD_SECRET = 'the secret that was in use before it'
const PURGE = '/.holdfast/purge'

let origin: Origin
let workerd: Workerd<'east' | 'west' | 'bare'>

beforeAll(async () => {
  const [started, bundle] = await Promise.all([startOrigin(), bundleWorker()])
  origin = started
  const bindings = { ORIGIN: origin.url, OPTIONS: {} }
  const withPurge = { ...bindings, PURGE_SECRET: SECRET, OLD_PURGE_SECRET: OLD_SECRET }
  // Two sites are two data centers: each has its own cache and its own isolate, and both have one KV.
  workerd = await startWorkerd(bundle.code, {
    west: { bindings: withPurge, kv: 'own' },
    east: { bindings: withPurge, kv: 'west' },
    bare: { bindings },
  })
})

afterAll(async () => {
  await workerd?.stop()
  await origin?.close()
})

/** `bare` has no way to be purged, `west` and `east` have. */
const get = (path: string, headers: Asking['headers'] = {}, method = 'GET'): Promise<Answer> => ask(workerd.urls.bare, path, { headers, method })

/** Answers with who asks, as the origin sees it. */
function greeting(path: string, headers: Readonly<Record<string, string>>, nameIn = 'cookie') {
  return origin.on(path, (request, response) => {
    response.writeHead(200, { 'content-type': 'text/plain', ...headers }).end(`for ${request.headers[nameIn] ?? 'nobody'}`)
  })
}

describe('two users', () => {
  it.each(['cookie', 'authorization'])('do not see each other’s answers by %s, one after the other or at once', async field => {
    for (const control of ['max-age=60', 'max-age=60, must-revalidate', 'max-age=60, private', 'public, no-store', 'no-cache']) {
      const path = `/by-${field}/${encodeURIComponent(control)}`
      greeting(path, { 'cache-control': control, etag: '"same"' }, field)
      const [a, b] = await Promise.all([get(path, { [field]: 'A' }), get(path, { [field]: 'B' })])
      const after = await get(path, { [field]: 'B', 'if-none-match': '"other"' })
      const nobody = await get(path)
      expect([a.text, b.text, after.text, nobody.text]).toEqual(['for A', 'for B', 'for B', 'for nobody'])
    }
  })

  it('share what says public, and never the cookie that came with it', async () => {
    const seen = greeting('/public', { 'cache-control': 'public, max-age=60', 'set-cookie': 'session=A' })
    const first = await get('/public', { cookie: 'A' })
    const second = await get('/public', { cookie: 'B' })
    expect([first.text, second.text, second.headers['set-cookie'], second.cache, seen.length]).toEqual(['for A', 'for A', undefined, 'HIT', 1])
  })

  it('get nothing that came with a cookie and says nothing about sharing', async () => {
    const seen = origin.on('/login', page({ 'cache-control': 'max-age=60', 'set-cookie': 'session=A' }))
    await get('/login')
    expect([(await get('/login')).text, seen.length]).toEqual(['call 2', 2])
  })

  it('are told apart by Vary, and Vary: * is never shared', async () => {
    greeting('/vary', { 'cache-control': 'public, max-age=60', vary: 'Cookie' })
    expect([(await get('/vary', { cookie: 'A' })).text, (await get('/vary', { cookie: 'B' })).text]).toEqual(['for A', 'for B'])
    const seen = greeting('/vary-all', { 'cache-control': 'public, max-age=60', vary: 'Accept, *' })
    await get('/vary-all')
    await get('/vary-all')
    expect(seen.length).toBe(2)
  })

  it('have their private answers kept apart by identity, whatever their names are', async () => {
    const seen = greeting('/mine/page', { 'cache-control': 'private, max-age=60' }, 'x-user')
    const names = ['A', 'B', 'A" http://', 'A" "', 'A\\']
    for (const name of [...names, ...names]) expect((await get('/mine/page', { 'x-user': name })).text).toBe(`for ${name}`)
    expect(seen.length).toBe(names.length)
    // Without a name nothing is kept.
    expect([(await get('/mine/page')).text, (await get('/mine/page')).cache]).toEqual(['for nobody', undefined])
  })
})

describe('hostile requests', () => {
  it('do not get into answers for others by fields that say where they came from', async () => {
    const fields = {
      'x-forwarded-host': 'evil.test',
      'x-host': 'evil.test',
      'x-forwarded-proto': 'gopher',
      'x-forwarded-prefix': '/evil',
      forwarded: 'host=evil.test',
    }
    for (const [name, value] of Object.entries(fields)) {
      const path = `/from/${name}`
      origin.on(path, (request, response) => response.writeHead(200, { 'cache-control': 'max-age=60' }).end(`link to ${request.headers[name]}`))
      await get(path, { [name]: value })
      expect((await get(path)).text).not.toContain('evil')
      expect((await get(path)).text).not.toContain('gopher')
    }
  })

  it('have keys by Host and query, and no credential in a query is taken off', async () => {
    origin.on('/host', (request, response) =>
      response.writeHead(200, { 'cache-control': 'max-age=60' }).end(`${request.headers['x-forwarded-host']} ${request.url}`),
    )
    const texts = []
    for (const host of ['a.test', 'b.test', 'a.test']) texts.push((await get('/host', { host })).text)
    expect(texts).toEqual(['a.test /host', 'b.test /host', 'a.test /host'])
    expect([(await get('/host?token=A', { host: 'a.test' })).text, (await get('/host?token=B', { host: 'a.test' })).text]).toEqual([
      'a.test /host?token=A',
      'a.test /host?token=B',
    ])
  })

  it('get the answer to the target that the origin sees, however their path is written', async () => {
    origin.on('*', (request, response) => response.writeHead(200, { 'cache-control': 'max-age=60' }).end(request.url))
    const paths = [
      '/x/y',
      '/x/../x/y',
      '/x/%2e%2e/y',
      '/x%2fy',
      '//x/y',
      '/x\\y',
      '/x/y?',
      '/x/y?a',
      '/x/y?a=',
      '/x/y;b=1',
      '/X/y',
      '/x/y%00',
      '/x/y#z',
      '/x/%C3%A9',
      '/.//x',
    ]
    for (const path of [...paths, ...paths.reverse()]) {
      const stored = await get(path)
      // This field takes the request around the cache.
      const asked = await get(path, { 'x-http-method-override': 'GET' })
      expect([path, stored.text]).toEqual([path, asked.text])
    }
  })

  it('that override the method, bring a body or upgrade go around the cache', async () => {
    const seen = origin.on('/around', page({ 'cache-control': 'max-age=60' }))
    await get('/around')
    for (const headers of [{ 'x-http-method-override': 'DELETE' }, { 'x-original-url': '/admin' }])
      expect((await get('/around', headers)).cache).toBeUndefined()
    await get('/around', {}, 'POST')
    expect(seen.length).toBe(4)
  })

  it('with ever more languages leave at most 32 variants of a URL', async () => {
    const seen = origin.on('/many', page({ 'cache-control': 'max-age=60', vary: 'Accept-Language' }))
    for (let i = 0; i < 33; i++) await get('/many', { 'accept-language': `x-${i}` })
    const kept = await get('/many', { 'accept-language': 'x-1' })
    const dropped = await get('/many', { 'accept-language': 'x-0' })
    expect([kept.cache, dropped.cache, seen.length]).toEqual(['HIT', 'MISS', 34])
  })
})

describe('purges', () => {
  const purge = async (
    body: unknown,
    { site = workerd.urls.west, secret = SECRET, nowMs = Date.now(), signed = {} as { url?: string; body?: string } } = {},
  ) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const signature = await signPurge({ url: site + PURGE, body: text, ...signed }, secret, nowMs)
    const send = (): Promise<Answer> => ask(site, PURGE, { method: 'POST', headers: { 'holdfast-signature': signature }, body: text })
    return { send, status: (await send()).status }
  }
  const west = (path: string, headers: Asking['headers'] = {}): Promise<Answer> => ask(workerd.urls.west, path, { headers })
  const east = (path: string): Promise<Answer> => ask(workerd.urls.east, path)

  it('by URL forget all variants, by tag all that has it, by all the host, and nothing else', async () => {
    origin.on('/p/url', page({ 'cache-control': 'max-age=60', vary: 'Accept' }))
    origin.on('/p/tag', page({ 'cache-control': 'max-age=60', 'cache-tag': 'one, two' }))
    origin.on('/p/key', page({ 'cache-control': 'max-age=60', 'surrogate-key': 'two three' }))
    origin.on('/tagged/a', page({ 'cache-control': 'max-age=60' }))
    const paths = ['/p/url', '/p/tag', '/p/key', '/tagged/a']
    const fill = async (): Promise<(string | undefined)[]> => {
      const found = []
      for (const path of paths) found.push((await west(path)).cache)
      return found
    }
    await fill()
    await west('/p/url', { accept: 'text/html' })
    expect(await fill()).toEqual(['HIT', 'HIT', 'HIT', 'HIT'])
    expect((await purge({ urls: [`${workerd.urls.west}/p/url`] })).status).toBe(200)
    expect((await west('/p/url', { accept: 'text/html' })).cache).toBe('MISS')
    expect(await fill()).toEqual(['MISS', 'HIT', 'HIT', 'HIT'])
    expect((await purge({ tags: ['one', 'shelf'] })).status).toBe(200)
    expect(await fill()).toEqual(['HIT', 'MISS', 'HIT', 'MISS'])
    expect((await purge({ tags: ['three'] })).status).toBe(200)
    expect((await west('/p/key')).cache).toBe('MISS')
    expect((await purge({ all: true })).status).toBe(200)
    expect(await fill()).toEqual(['MISS', 'MISS', 'MISS', 'MISS'])
  })

  it.each(['urls', 'tags'] as const)('by %s win over an answer that is under way', async kind => {
    const path = `/under-way/${kind}`
    let release: () => void = () => undefined
    const seen = origin.on(path, (_request, response, call) => {
      const send = (): unknown => response.writeHead(200, { 'cache-control': 'max-age=60', 'cache-tag': 'moving' }).end(`call ${call}`)
      if (call === 1) release = send
      else send()
    })
    const old = west(path)
    await expect.poll(() => seen.length, { interval: 10, timeout: 5000 }).toBe(1)
    await purge(kind === 'urls' ? { urls: [workerd.urls.west + path] } : { tags: ['moving'] })
    release()
    expect([(await old).text, (await old).how]).toEqual(['call 1', expect.stringContaining('detail=outdated')])
    expect((await west(path)).text).toBe('call 2')
  })

  it('are in force when they are answered, also for those who read meanwhile', async () => {
    const rounds = Array.from({ length: 10 }, (_, i) => i)
    for (const i of rounds) origin.on(`/busy/${i}`, page({ 'cache-control': 'max-age=60', 'cache-tag': `busy-${i}` }))
    for (const i of rounds) await west(`/busy/${i}`)
    const texts = await Promise.all(
      rounds.map(async i => {
        const readers = Array.from({ length: 5 }, () => west(`/busy/${i}`))
        await purge({ tags: [`busy-${i}`] })
        await Promise.all(readers)
        return (await west(`/busy/${i}`)).text
      }),
    )
    expect(texts).not.toContain('call 1')
  })

  it('reach the other data center through KV', async () => {
    origin.on('/p/far', page({ 'cache-control': 'max-age=60', 'cache-tag': 'far' }))
    await east('/p/far')
    expect((await east('/p/far')).cache).toBe('HIT')
    // Signed for west's host; marks are kept by host, and both sites answer for `shop.test`.
    const host = 'shop.test'
    await ask(workerd.urls.east, '/p/far', { headers: { host } })
    expect((await ask(workerd.urls.east, '/p/far', { headers: { host } })).cache).toBe('HIT')
    const body = JSON.stringify({ tags: ['far'] })
    const signature = await signPurge({ url: `http://${host}${PURGE}`, body }, SECRET, Date.now())
    const done = await ask(workerd.urls.west, PURGE, { method: 'POST', headers: { host, 'holdfast-signature': signature }, body })
    expect([done.status, JSON.parse(done.text)]).toEqual([200, { reach: 'everywhere' }])
    await expect
      .poll(async () => (await ask(workerd.urls.east, '/p/far', { headers: { host } })).text, { interval: 100, timeout: 10_000 })
      .not.toBe('call 2')
    // Another host is another cache.
    expect((await east('/p/far')).cache).toBe('HIT')
  })

  it('are also what Cache-Group-Invalidation of an unsafe request says', async () => {
    origin.on('/p/group', page({ 'cache-control': 'max-age=60', 'cache-groups': '"stock"' }))
    origin.on('/p/order', page({ 'cache-group-invalidation': '"stock"' }))
    await west('/p/group')
    await ask(workerd.urls.west, '/p/order', { method: 'POST', body: 'x' })
    expect((await west('/p/group')).cache).toBe('MISS')
  })

  it('are refused when the signature is wrong, old, early, used before, or for something else', async () => {
    origin.on('/p/safe', page({ 'cache-control': 'max-age=60' }))
    await west('/p/safe')
    const all = { all: true }
    const statuses = await Promise.all([
      purge(all, { secret: 'another secret of 32 characters.' }),
      purge(all, { signed: { body: '{"tags":["a"]}' } }),
      purge(all, { signed: { url: `https://other.test${PURGE}` } }),
      purge(all, { nowMs: Date.now() - 301_000 }),
      purge(all, { nowMs: Date.now() + 310_000 }),
    ])
    expect(statuses.map(({ status }) => status)).toEqual([401, 401, 401, 401, 401])
    for (const field of [undefined, '', 'v1=00', `t=1, n=${'a'.repeat(22)}, v1=${'0'.repeat(64)}`, 'x'.repeat(5000)]) {
      const answer = await ask(workerd.urls.west, PURGE, {
        method: 'POST',
        body: '{"all":true}',
        headers: field === undefined ? {} : { 'holdfast-signature': field },
      })
      expect([answer.status, answer.headers['cache-control']]).toEqual([401, 'no-store'])
      expect(answer.text).not.toContain(SECRET)
    }
    expect((await west('/p/safe')).cache).toBe('HIT')
    const used = await purge({ tags: ['nothing'] }, { secret: OLD_SECRET })
    expect([used.status, (await used.send()).status]).toEqual([200, 409])
  })

  it('come from a service through workerEndpoint, which tells refusals apart and shows no secret', async () => {
    const url = workerd.urls.west + PURGE
    const provider = workerEndpoint({ url, secret: SECRET })
    origin.on('/p/bus', page({ 'cache-control': 'max-age=60', 'cache-tag': 'bus' }))
    const purges = [{ kind: 'tag', tags: ['bus'] }, { kind: 'url', urls: [`${workerd.urls.west}/p/bus`] }, { kind: 'all' }] as const
    for (const what of purges) {
      // What was purged by tag a moment ago is not stored at once again.
      await expect.poll(async () => (await west('/p/bus')).cache, { interval: 50, timeout: 5000 }).toBe('HIT')
      await provider.purge(what)
      expect((await west('/p/bus')).cache).toBe('MISS')
    }
    expect(provider.plan({ kind: 'tag', tags: Array.from({ length: 101 }, (_, i) => `${i}`) }).length).toBe(2)
    const failure = (work: Promise<unknown>): Promise<{ code?: string }> =>
      work.then(
        () => ({}),
        error => error,
      )
    const wrong = await failure(workerEndpoint({ url, secret: 'another secret of 32 characters.' }).purge({ kind: 'all' }))
    const other = await failure(provider.purge({ kind: 'url', urls: ['https://other.test/'] }))
    const away = await failure(workerEndpoint({ url: `http://127.0.0.1:1${PURGE}`, secret: SECRET }).purge({ kind: 'all' }))
    expect([wrong.code, other.code, away.code]).toEqual(['HF_HTTP_CDN_AUTH', 'HF_HTTP_CDN_REJECTED', 'HF_HTTP_CDN_AWAY'])
    expect(inspect([wrong, other, away, provider], { depth: 10 })).not.toContain(SECRET)
  })

  it('are refused when the body is not one', async () => {
    const bodies = [
      '',
      'no json',
      '[]',
      'null',
      '{}',
      '{"all":false}',
      '{"all":true,"tags":["a"]}',
      '{"tags":"a"}',
      '{"tags":[""]}',
      '{"tags":[1]}',
      '{"more":1}',
      '{"urls":["/a"]}',
    ]
    for (const body of [
      ...bodies,
      JSON.stringify({ urls: ['https://other.test/a'] }),
      JSON.stringify({ tags: Array.from({ length: 101 }, (_, i) => `${i}`) }),
    ]) {
      expect([body.slice(0, 30), (await purge(body)).status]).toEqual([body.slice(0, 30), 400])
    }
    expect((await purge(`{"tags":["${'x'.repeat(300_000)}"]}`)).status).toBe(413)
    expect((await west(PURGE)).status).toBe(405)
  })

  it('have no endpoint where there is no secret', async () => {
    const seen = origin.on(PURGE, (_request, response) => response.writeHead(404).end())
    expect([(await purge({ all: true }, { site: workerd.urls.bare })).status, seen.length]).toEqual([404, 1])
  })
})
