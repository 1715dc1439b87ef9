import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Answer, type Asking, ask as askAt } from '../asking.ts'
import { type Origin, page, startOrigin } from '../origin.ts'
import type { SiteOptions } from '../site.ts'
import { bundleWorker, startWorkerd, type Workerd } from '../workerd.ts'

const OPTIONS: SiteOptions = {
  rules: [
    { path: '/small/*', maxBody: '1kb' },
    { path: '/campaign', ignoreQuery: ['utm_source'] },
  ],
  cors: [{ path: '/api/*', origins: ['https://app.test', 'https://other.test'], methods: ['GET', 'PUT'], headers: ['X-Token'], credentials: true }],
}
/** Fresh for 10 s and 20 s old when it comes: stale from the beginning, so that no test waits for time to pass. */
const STALE = { age: '20' }

let origin: Origin
let workerd: Workerd<'site' | 'impatient' | 'behind'>
let ofNode: readonly string[]

beforeAll(async () => {
  const [started, bundle] = await Promise.all([startOrigin(), bundleWorker()])
  origin = started
  ofNode = bundle.ofNode
  workerd = await startWorkerd(bundle.code, {
    site: { bindings: { ORIGIN: origin.url, OPTIONS } },
    impatient: { bindings: { ORIGIN: origin.url, OPTIONS: { originTimeout: '1s' } } },
    behind: { bindings: { ORIGIN: origin.url, OPTIONS }, hasFront: true },
  })
})

afterAll(async () => {
  await workerd?.stop()
  await origin?.close()
})

const ask = (path: string, asking?: Asking): Promise<Answer> => askAt(workerd.urls.site, path, asking)
/** Asks where the origin has a second. */
const impatient = (path: string, asking?: Asking): Promise<Answer> => askAt(workerd.urls.impatient, path, asking)

/** Waits for what goes on in the background of the worker: there is no word of it outside. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(isSo, { interval: 10, timeout: 5000 }).toBe(true)
}

describe('the worker as a cache', () => {
  it('is bundled without meeting a module of node', () => {
    expect(ofNode).toEqual([])
  })

  it('answers from the data center what the origin answered once, with Age and Cache-Status', async () => {
    const seen = origin.on('/page', page({ 'cache-control': 'max-age=60', age: '7' }))
    const first = await ask('/page')
    const second = await ask('/page')
    expect([first.text, second.text, seen.length]).toEqual(['call 1', 'call 1', 1])
    expect([first.cache, second.cache]).toEqual(['MISS', 'HIT'])
    expect(first.how).toBe('Holdfast; fwd=uri-miss; fwd-status=200; stored')
    expect(second.how).toMatch(/^Holdfast; hit; ttl=5\d$/)
    expect(Number(second.headers.age)).toBeGreaterThanOrEqual(7)
  })

  it('stores nothing that says nothing about its lifetime', async () => {
    origin.on('/silent', page())
    expect([(await ask('/silent')).text, (await ask('/silent')).text]).toEqual(['call 1', 'call 2'])
    expect((await ask('/silent')).how).toContain('detail=no-lifetime')
  })

  it('fills once for all orders of parameters, campaigns and spellings of Accept-Encoding', async () => {
    const seen = origin.on('/campaign', page({ 'cache-control': 'max-age=60', vary: 'Accept-Encoding' }))
    await ask('/campaign?a=1&b=2', { headers: { 'accept-encoding': 'gzip, br' } })
    for (const path of ['/campaign?b=2&a=1', '/campaign?utm_source=mail&a=1&b=2']) {
      for (const coding of ['br;q=1.0, gzip', 'identity', 'GZIP', '*']) await ask(path, { headers: { 'accept-encoding': coding } })
    }
    expect([seen.length, seen[0]?.headers['accept-encoding']]).toEqual([1, 'identity'])
  })

  it('answers conditions, ranges and HEAD from what is stored', async () => {
    const modified = 'Sat, 01 Nov 2025 10:00:00 GMT'
    const seen = origin.on('/doc', page({ 'cache-control': 'max-age=60', etag: '"v1"', 'last-modified': modified }))
    await ask('/doc')
    const conditions = await Promise.all([
      ask('/doc', { headers: { 'if-none-match': '"v0", W/"v1"' } }),
      ask('/doc', { headers: { 'if-modified-since': modified } }),
      ask('/doc', { headers: { 'if-none-match': '"v0"' } }),
    ])
    expect(conditions.map(({ status, text }) => [status, text])).toEqual([
      [304, ''],
      [304, ''],
      [200, 'call 1'],
    ])
    const parts = await Promise.all([
      ask('/doc', { headers: { range: 'bytes=0-3' } }),
      ask('/doc', { headers: { range: 'bytes=-1' } }),
      ask('/doc', { headers: { range: 'bytes=99-' } }),
      ask('/doc', { headers: { range: 'bytes=0-3', 'if-range': '"v0"' } }),
    ])
    expect(parts.map(({ status, text }) => [status, text])).toEqual([
      [206, 'call'],
      [206, '1'],
      [416, ''],
      [200, 'call 1'],
    ])
    expect(parts.map(({ headers }) => headers['content-range'])).toEqual(['bytes 0-3/6', 'bytes 5-5/6', 'bytes */6', undefined])
    const head = await ask('/doc', { method: 'HEAD' })
    expect([head.status, head.headers['content-length'], head.cache, head.text]).toEqual([200, '6', 'HIT', ''])
    expect(seen.length).toBe(1)
  })

  it('answers ranges from the part that came', async () => {
    const seen = origin.on('/film', (_request, response) => {
      response.writeHead(206, { 'cache-control': 'max-age=60', 'content-range': 'bytes 10-15/9000000', 'content-length': '6' }).end('abcdef')
    })
    expect((await ask('/film', { headers: { range: 'bytes=10-15' } })).text).toBe('abcdef')
    const within = await ask('/film', { headers: { range: 'bytes=12-13' } })
    expect([within.status, within.text, within.headers['content-range'], within.cache]).toEqual([206, 'cd', 'bytes 12-13/9000000', 'HIT'])
    expect(seen.length).toBe(1)
  })

  it('asks with the stored tag when stale, and serves what a 304 confirms', async () => {
    const seen = origin.on('/confirmed', (request, response, call) => {
      const headers = { 'cache-control': 'max-age=10', etag: '"v1"', ...(call === 1 ? STALE : {}) }
      if (request.headers['if-none-match'] === '"v1"') response.writeHead(304, headers).end()
      else response.writeHead(200, headers).end('whole')
    })
    expect((await ask('/confirmed')).text).toBe('whole')
    const second = await ask('/confirmed')
    expect([second.status, second.text, second.how]).toEqual([200, 'whole', 'Holdfast; fwd=stale; fwd-status=304; stored'])
    expect([(await ask('/confirmed')).cache, seen.length]).toEqual(['HIT', 2])
  })

  it('serves what is stale at once while one request fetches it anew', async () => {
    let release: () => void = () => undefined
    const seen = origin.on('/swr', (request, response, call) => {
      const headers = { 'cache-control': 'max-age=10, stale-while-revalidate=60', ...(call === 1 ? STALE : {}) }
      const send = (): void => page(headers)(request, response, call)
      if (call === 1) send()
      else release = send
    })
    await ask('/swr')
    const answers = await Promise.all([ask('/swr'), ask('/swr'), ask('/swr')])
    expect(answers.map(({ text, cache }) => [text, cache])).toEqual(Array(3).fill(['call 1', 'STALE']))
    await until(() => seen.length === 2)
    release()
    await until(async () => (await ask('/swr')).text === 'call 2')
    expect(seen.length).toBe(2)
  })

  it('goes by CDN-Cache-Control before Cache-Control, and keeps Holdfast-Cache-Control to itself, on hits, misses and what it passes on', async () => {
    origin.on('/targeted', page({ 'cache-control': 'no-store', 'cdn-cache-control': 'max-age=60' }))
    origin.on('/own', page({ 'cache-control': 'no-store', 'cdn-cache-control': 'no-store', 'holdfast-cache-control': 'max-age=60' }))
    origin.on('/own-post', page({ 'holdfast-cache-control': 'max-age=60' }))
    const targeted = [await ask('/targeted'), await ask('/targeted')]
    expect(targeted.map(({ cache, headers }) => [cache, headers['cdn-cache-control']])).toEqual([
      ['MISS', 'max-age=60'],
      ['HIT', 'max-age=60'],
    ])
    const answers = [await ask('/own'), await ask('/own'), await ask('/own-post', { method: 'POST', body: 'x' })]
    answers.push(await ask('/own', { headers: { 'x-http-method-override': 'DELETE' } }))
    expect(answers.map(({ cache }) => cache)).toEqual(['MISS', 'HIT', 'BYPASS', undefined])
    expect(answers.every(({ headers }) => headers['holdfast-cache-control'] === undefined)).toBe(true)
  })

  it('keeps variants by Vary', async () => {
    const seen = origin.on('/words', (request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=60', vary: 'Accept-Language' }).end(request.headers['accept-language'])
    })
    const wishes = ['de', 'fr', 'de', 'fr', 'DE']
    const texts = []
    for (const wish of wishes) texts.push((await ask('/words', { headers: { 'accept-language': wish } })).text)
    expect([texts, seen.length]).toEqual([['de', 'fr', 'de', 'fr', 'de'], 2])
  })

  it('forgets what a successful unsafe request changed', async () => {
    const seen = origin.on('/thing', async (request, response, call) => {
      let text = ''
      for await (const chunk of request) text += chunk
      response.writeHead(200, { 'cache-control': 'max-age=60' }).end(`call ${call} ${text}`)
    })
    await ask('/thing')
    expect((await ask('/thing', { method: 'PUT', body: 'new' })).text).toBe('call 2 new')
    expect([(await ask('/thing')).text, seen.length]).toEqual(['call 3 ', 3])
  })
})

describe('callers at once', () => {
  it('makes one call to the origin for twenty of the same isolate', async () => {
    const seen = origin.on('/herd', (_request, response) => {
      // Long enough for all to come.
      setTimeout(() => response.writeHead(200, { 'cache-control': 'max-age=60' }).end('one'), 200)
    })
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/herd')))
    expect([seen.length, new Set(answers.map(({ text }) => text))]).toEqual([1, new Set(['one'])])
    expect(answers.filter(({ how }) => /collapsed|hit/.test(how)).length).toBe(19)
    expect(answers.some(({ how }) => how.includes('collapsed'))).toBe(true)
  })

  it('does not make callers wait for each other when the answer is nobody else’s', async () => {
    const ends: (() => void)[] = []
    origin.on('/alone', (_request, response) => {
      response.writeHead(200, { 'cache-control': 'private' })
      response.write('begin ')
      ends.push(() => response.end('end'))
      // None ends before all have begun.
      if (ends.length === 8) for (const end of ends) end()
    })
    const answers = await Promise.all(Array.from({ length: 8 }, () => ask('/alone')))
    expect(answers.map(({ text }) => text)).toEqual(Array(8).fill('begin end'))
  })

  it('completes a fill whose caller has gone, for those who wait', async () => {
    let release: () => void = () => undefined
    const seen = origin.on('/left', (_request, response) => {
      release = () => response.writeHead(200, { 'cache-control': 'max-age=60' }).end('for all')
    })
    const { hostname, port } = new URL(workerd.urls.site)
    const leaver = httpRequest({ hostname, port, path: '/left', agent: false }).on('error', () => undefined)
    leaver.end()
    await until(() => seen.length === 1)
    const follower = ask('/left')
    leaver.destroy()
    // The worker must notice that the connection is gone before the origin answers.
    setTimeout(() => release(), 100)
    expect([(await follower).text, (await ask('/left')).cache, seen.length]).toEqual(['for all', 'HIT', 1])
  })
})

describe('a request that the platform ends because its client has gone', () => {
  it('is completed and stored all the same, although nobody waits for it', async () => {
    let release: () => void = () => undefined
    let isCut = false
    const seen = origin.on('/ended', (request, response) => {
      request.socket.on('close', () => {
        isCut = true
      })
      release = () => response.writeHead(200, { 'cache-control': 'max-age=60' }).end('for the next')
    })
    const left = await askAt(workerd.urls.behind, '/ended', { headers: { 'x-leave-after': '200' } })
    // Ended while the origin was asked, which it was left to answer.
    expect([left.status, seen.length, isCut]).toEqual([499, 1, false])
    release()
    const next = await askAt(workerd.urls.behind, '/ended')
    expect([next.status, next.text, seen.length]).toEqual([200, 'for the next', 1])
    expect((await askAt(workerd.urls.behind, '/ended')).cache).toBe('HIT')
  })
})

describe('an origin that fails', () => {
  it('is stood in for by what is stale, where stale-if-error allows it, and its error is not stored', async () => {
    let isDown = false
    origin.on('/down', (request, response, call) => {
      if (isDown) response.writeHead(503, { 'cache-control': 'max-age=60' }).end('down')
      else page({ 'cache-control': 'max-age=10, stale-if-error=600', ...STALE })(request, response, call)
    })
    await ask('/down')
    isDown = true
    const stale = await ask('/down')
    expect([stale.status, stale.text, stale.how]).toEqual([200, 'call 1', expect.stringContaining('detail=origin-503')])
    isDown = false
    expect((await ask('/down')).text).toBe('call 3')
  })

  it('is a 502 when it cannot be reached, a 504 when it hangs at a GET, and others are answered meanwhile', async () => {
    origin.on('/gone', (request, _response) => request.socket.destroy())
    origin.on('/hangs', () => undefined)
    origin.on('/well', page({ 'cache-control': 'max-age=60' }))
    // Longer than the limit.
    origin.on('/upload', (_request, response) => setTimeout(() => response.end('taken'), 1300))
    const hanging = impatient('/hangs')
    const upload = impatient('/upload', { method: 'POST', body: 'x' })
    expect((await impatient('/well')).status).toBe(200)
    expect((await impatient('/gone')).status).toBe(502)
    const late = await hanging
    expect([late.status, late.headers['cache-control'], late.headers['content-type']]).toEqual([504, 'no-store', 'application/problem+json'])
    expect((await upload).text).toBe('taken')
  })

  it('never has a body stored that broke off, stalled or is shorter than it says', async () => {
    const broken = origin.on('/broken', (_request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=60', 'content-length': '10' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    })
    const chunked = origin.on('/broken-chunks', (_request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=60' })
      response.write('half')
      setTimeout(() => response.destroy(), 20)
    })
    const stalled = origin.on('/stalled', (_request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=60' })
      response.write('half')
    })
    const asked = ['/broken', '/broken-chunks', '/stalled'].flatMap(path => [path, path])
    const statuses = await Promise.all(
      asked.map(path =>
        impatient(path).then(
          ({ status }) => status,
          () => 'broke off',
        ),
      ),
    )
    expect(statuses.every(status => status === 502 || status === 504)).toBe(true)
    expect([broken, chunked, stalled].every(({ length }) => length >= 1)).toBe(true)
    for (const path of ['/broken', '/broken-chunks']) {
      origin.on(path, page({ 'cache-control': 'max-age=60' }))
      expect((await impatient(path)).text).toBe('call 1')
    }
  })
})

describe('large bodies', () => {
  it('stream past without being held or stored, with and without a length', async () => {
    const chunk = Buffer.alloc(256 * 1024, 'x')
    const chunks = 80
    for (const [path, headers] of Object.entries({ '/big': { 'content-length': String(chunk.byteLength * chunks) }, '/big-chunked': {} })) {
      let written = 0
      const seen = origin.on(path, async (_request, response) => {
        response.writeHead(200, { 'cache-control': 'max-age=60', ...headers })
        for (written = 0; written < chunks && !response.destroyed; written++) {
          if (!response.write(chunk)) await new Promise(resolve => response.once('drain', resolve))
        }
        response.end()
      })
      const { hostname, port } = new URL(workerd.urls.site)
      const sent = httpRequest({ hostname, port, path, agent: false })
      sent.end()
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      // Nobody reads: what the origin could write until now is in buffers on the way.
      let before = -1
      await until(() => {
        const isStill = written === before
        before = written
        return isStill
      })
      expect(written).toBeLessThan(chunks)
      let sizeBytes = 0
      for await (const part of answer) sizeBytes += (part as Buffer).byteLength
      expect(sizeBytes).toBe(chunk.byteLength * chunks)
      expect(answer.headers['cache-status']).toContain('detail=too-large')
      expect(seen.length).toBe(1)
    }
  })

  it('are those above maxBody of the rule', async () => {
    const seen = origin.on('/small/1', (_request, response) => response.writeHead(200, { 'cache-control': 'max-age=60' }).end('x'.repeat(1025)))
    expect([(await ask('/small/1')).text.length, (await ask('/small/1')).text.length, seen.length]).toEqual([1025, 1025, 2])
  })

  it('that the origin encoded against our wish are passed on and not stored', async () => {
    const { gzipSync } = await import('node:zlib')
    const seen = origin.on('/gzipped', (_request, response) => {
      response.writeHead(200, { 'cache-control': 'max-age=60', 'content-encoding': 'gzip' }).end(gzipSync('plain'))
    })
    await ask('/gzipped')
    expect([(await ask('/gzipped')).cache, seen.length]).toEqual(['MISS', 2])
  })
})

describe('pages of other origins', () => {
  const preflight = (from: string, method = 'PUT', fields = 'x-token'): Asking => ({
    method: 'OPTIONS',
    headers: { origin: from, 'access-control-request-method': method, 'access-control-request-headers': fields },
  })

  it('get their preflights answered here', async () => {
    const seen = origin.on('/api/a', page())
    const allowed = await ask('/api/a', preflight('https://app.test'))
    expect(allowed.status).toBe(204)
    expect(allowed.headers).toMatchObject({
      'access-control-allow-origin': 'https://app.test',
      'access-control-allow-methods': 'GET, PUT',
      'access-control-allow-headers': 'x-token',
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '7200',
    })
    const refused = await Promise.all([
      ask('/api/a', preflight('https://evil.test')),
      ask('/api/a', preflight('https://app.test', 'DELETE')),
      ask('/api/a', preflight('https://app.test', 'PUT', 'x-token, x-other')),
    ])
    expect(refused.map(({ status, headers }) => [status, headers['access-control-allow-origin']])).toEqual(Array(3).fill([403, undefined]))
    expect(seen.length).toBe(0)
  })

  it('share one stored answer, each with its own permission', async () => {
    const seen = origin.on('/api/b', page({ 'cache-control': 'max-age=60', 'access-control-allow-origin': '*' }))
    const from = async (page: string) => {
      const { headers, text } = await ask('/api/b', { headers: { origin: page } })
      return [text, headers['access-control-allow-origin'], headers.vary]
    }
    expect([await from('https://app.test'), await from('https://other.test'), await from('https://evil.test')]).toEqual([
      ['call 1', 'https://app.test', 'Origin'],
      ['call 1', 'https://other.test', 'Origin'],
      ['call 1', undefined, 'Origin'],
    ])
    expect(seen.length).toBe(1)
  })
})
