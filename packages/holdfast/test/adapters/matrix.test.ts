import { request as send } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { FRAMEWORKS, type Framework, hasMiddleware, openSite, type Site, type SiteOptions } from './sites.ts'

const sites: Site[] = []
afterEach(async () => {
  for (const site of sites.splice(0)) await site.close()
})

const LONG = { 'cache-control': 'public, max-age=60', 'content-type': 'application/json' }
const TEXT = JSON.stringify(Array.from({ length: 100 }, (_, id) => ({ id, status: 'open' })))

const PLACES: Record<string, SiteOptions> = {
  alone: {},
  'at a sub-path': { prefix: '/api/v1' },
  'after a body parser': { parsed: true },
  'after compression': { compressed: true },
  'behind a proxy with a prefix': { prefix: '/service', trustForwarded: true },
}
const PROXIED = { 'x-forwarded-host': 'shop.test', 'x-forwarded-proto': 'https', 'x-forwarded-prefix': '/service' }

describe.each(Object.keys(FRAMEWORKS) as Framework[])('%s', framework => {
  const open = async (options: SiteOptions = {}): Promise<Site> => {
    const site = await openSite(framework, options)
    sites.push(site)
    return site
  }

  const places = Object.entries(PLACES).filter(([, { parsed, compressed }]) => hasMiddleware(framework) || !(parsed || compressed))

  describe.each(places)('%s', (place, options) => {
    const headers: Record<string, string> = place.startsWith('behind') ? PROXIED : {}

    it('answers GET, HEAD, conditions, ranges and codings from one call of the handler', async () => {
      const site = await open(options)
      site.handler = ({ path }) => ({ headers: { ...LONG, etag: '"1"' }, body: path === '/a' ? TEXT : 'other' })
      const first = await site.ask('/a', headers)
      const second = await site.ask('/a', headers)
      expect([first.status, first.text, second.status, second.text, second.cache, second.headers.age]).toEqual([200, TEXT, 200, TEXT, 'HIT', '0'])
      const head = await site.ask('/a', headers, 'HEAD')
      expect([head.status, head.text, head.headers['x-cache']]).toEqual([200, '', 'HIT'])
      const known = await site.ask('/a', { ...headers, 'if-none-match': '"1"' })
      expect([known.status, known.text]).toEqual([304, ''])
      const part = await site.ask('/a', { ...headers, range: 'bytes=0-9' })
      expect([part.status, part.text, part.headers['content-range']]).toEqual([206, TEXT.slice(0, 10), `bytes 0-9/${TEXT.length}`])
      expect((await site.ask('/b', headers)).text).toBe('other')
      expect(site.seen.map(({ path }) => path)).toEqual(['/a', '/b'])
      const zipped = await site.ask('/a', { ...headers, 'accept-encoding': 'gzip' })
      expect([zipped.headers['content-encoding'], gunzipSync(zipped.bytes).toString()]).toEqual(['gzip', TEXT])
      expect(zipped.headers.vary?.toLowerCase()).toContain('accept-encoding')
    })

    it('lets a POST through with its body, and forgets what it changed', async () => {
      const site = await open(options)
      let version = 1
      site.handler = ({ method }) => (method === 'POST' ? { body: `saved ${++version}` } : { headers: LONG, body: `version ${version}` })
      await site.ask('/a', headers)
      const saved = await site.ask('/a', { ...headers, 'content-type': 'application/json', 'content-length': '7' }, 'POST', '{"a":1}')
      expect([saved.status, saved.text]).toEqual([200, 'saved 2'])
      expect((await site.ask('/a', headers)).text).toBe('version 2')
    })

    // Lambda returns an answer when it is whole.
    if (framework !== 'lambda')
      it('passes a stream on as it comes, and each event when it is written', async () => {
        const site = await open(options)
        for (const type of ['text/event-stream', 'text/plain']) {
          let release!: () => void
          const seen = new Promise<void>(resolve => {
            release = resolve
          })
          site.handler = () => ({ headers: { 'content-type': type, 'cache-control': 'no-store, no-transform' }, chunks: parts(seen) })
          const text = await new Promise<string>((resolve, reject) => {
            let got = ''
            send({ port: site.port, path: `${options.prefix ?? ''}/events`, headers, agent: false }, response => {
              response.on('data', chunk => {
                got += chunk
                release()
              })
              response.on('end', () => resolve(got))
            })
              .on('error', reject)
              .end()
          })
          expect(text).toBe('data: 1\n\ndata: 2\n\n')
        }
      })
  })

  it('stores an answer that came in chunks, and passes on one that is too large, whole', async () => {
    const site = await open({ maxBody: '64kb' })
    site.handler = ({ path }) => ({ headers: { ...LONG, 'content-type': 'text/plain' }, chunks: chunks(path === '/large' ? 40 : 3) })
    for (let i = 0; i < 2; i++) {
      const small = await site.ask('/small')
      expect([small.text.length, small.cache]).toEqual([3 * 16_384, i === 0 ? 'MISS' : 'HIT'])
      const large = await site.ask('/large')
      expect([large.text.length, large.cache]).toEqual([40 * 16_384, 'MISS'])
    }
  })

  // There the process stops with the answer; lambda.test.ts has what it does instead.
  if (framework !== 'lambda')
    it('serves the stale answer while the handler runs again in the background', async () => {
      const site = await open()
      let calls = 0
      site.handler = () => ({ headers: { 'cache-control': 'public, max-age=10, stale-while-revalidate=60' }, body: `call ${++calls}` })
      await site.ask()
      site.clock.advance(20_000)
      expect(await site.ask()).toMatchObject({ text: 'call 1', cache: 'STALE' })
      await expect.poll(async () => (await site.ask()).text).toBe('call 2')
      expect((await site.ask()).cache).toBe('HIT')
      expect(calls).toBe(2)
    })

  it('lets the handler confirm, stands in for a handler that fails, and keeps its errors as they are', async () => {
    const site = await open()
    let mode: 'new' | 'confirm' | 'fail' = 'new'
    site.handler = ({ headers }) => {
      if (mode === 'fail') throw new Error('no database')
      if (mode === 'confirm') return { status: headers['if-none-match'] === '"1"' ? 304 : 500, headers: { etag: '"1"' } }
      return { headers: { 'cache-control': 'public, max-age=10, stale-if-error=60', etag: '"1"' }, body: 'body' }
    }
    await site.ask()
    site.clock.advance(20_000)
    mode = 'confirm'
    expect(await site.ask()).toMatchObject({ status: 200, text: 'body' })
    expect((await site.ask()).cache).toBe('HIT')
    site.clock.advance(20_000)
    mode = 'fail'
    expect(await site.ask()).toMatchObject({ status: 200, text: 'body', cache: 'STALE' })
    expect((await site.ask('/other')).status).toBe(500)
  })

  it('drops an answer with the data that it was made of', async () => {
    const site = await open()
    let units = 1
    site.handler = async () => ({ headers: LONG, body: `units ${await site.data.getOrSet('fund:7', () => units, { tags: ['fund:7'] })}` })
    await site.ask()
    units = 2
    expect(await site.ask()).toMatchObject({ text: 'units 1', cache: 'HIT' })
    await site.data.invalidateTags('fund:7')
    expect((await site.ask()).text).toBe('units 2')
  })

  it('asks the handler once for many who ask at once', async () => {
    const site = await open()
    site.handler = async () => {
      await new Promise(setImmediate)
      return { headers: LONG, body: 'once' }
    }
    const answers = await Promise.all(Array.from({ length: 30 }, () => site.ask()))
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['once']))
    expect(site.seen.length).toBe(1)
  })
})

describe.each(Object.keys(FRAMEWORKS).filter(framework => !['node', 'lambda'].includes(framework)) as Framework[])('%s', framework => {
  it('refuses requests beyond a limit with 429, RateLimit fields and problem+json, hits too, and gives nobody the fields of another', async () => {
    const site = await openSite(framework, { limit: 2 })
    sites.push(site)
    site.handler = () => ({ headers: { 'cache-control': 'public, max-age=60' }, body: 'page' })
    const answers = []
    for (const user of ['a', 'a', 'a', 'b']) answers.push(await site.ask('/a', { 'x-user': user }))
    expect(answers.map(({ status, cache, headers: { ratelimit, 'ratelimit-policy': policy } }) => [status, cache, ratelimit, policy])).toEqual([
      [200, 'MISS', '"api";r=1;t=5', '"api";q=2;w=10'],
      [200, 'HIT', '"api";r=0;t=10', '"api";q=2;w=10'],
      [429, undefined, '"api";r=0;t=10', '"api";q=2;w=10'],
      [200, 'HIT', '"api";r=1;t=5', '"api";q=2;w=10'],
    ])
    const { headers, text } = answers[2]!
    expect(headers).toMatchObject({
      'retry-after': '5',
      'content-type': expect.stringMatching(/^application\/problem\+json/),
      'cache-control': 'no-store',
    })
    expect(JSON.parse(text)).toMatchObject({
      ...{ status: 429, code: 'HF_HTTP_RATE_LIMITED', detail: 'at most 2 requests in 10 s', 'violated-policies': ['api'] },
    })
  })

  it('counts those whom it does not know by their address, whatever they write into X-Forwarded-For', async () => {
    const site = await openSite(framework, { limit: 2 })
    sites.push(site)
    site.handler = () => ({ body: 'page' })
    const statuses = []
    for (const address of ['192.0.2.1', '192.0.2.2', '192.0.2.3']) statuses.push((await site.ask('/a', { 'x-forwarded-for': address })).status)
    expect(statuses).toEqual([200, 200, 429])
  })
})

async function* parts(first: Promise<void>): AsyncGenerator<string> {
  yield 'data: 1\n\n'
  await first
  yield 'data: 2\n\n'
}

async function* chunks(count: number): AsyncGenerator<string> {
  for (let i = 0; i < count; i++) yield 'x'.repeat(16_384)
}
