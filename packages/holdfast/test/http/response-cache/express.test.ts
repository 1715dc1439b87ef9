import { type IncomingHttpHeaders, type RequestListener, type Server, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type FakeClock, fakeClock } from '@holdfast/testkit'
import expressFramework, { type Express } from 'express'
import { afterEach, describe, expect, it } from 'vitest'
import { responseCache } from '../../../src/adapters/express.ts'
import { createTieredCache } from '../../../src/cache/index.ts'
import { createResponseCache, type ResponseCacheOptions } from '../../../src/http/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'

const servers: Server[] = []

afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise(resolve => server.close(resolve))
})

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

interface Site {
  readonly clock: FakeClock
  readonly app: Express
  ask(path: string, headers?: Record<string, string>, method?: string): Promise<Answer>
}

async function open(options: ResponseCacheOptions = {}): Promise<Site> {
  const clock = fakeClock()
  const registry = createRegistry()
  const app = expressFramework()
  app.use(responseCache(createResponseCache(options, { cache: createTieredCache({ jitter: 0 }, { clock, registry }), registry, clock })))
  const server = app.listen(0, '127.0.0.1')
  servers.push(server)
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  return { clock, app, ask: (path, headers = {}, method = 'GET') => ask(port, path, headers, method) }
}

function ask(port: number, path: string, headers: Record<string, string>, method: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = send({ port, path, method, headers, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, text: Buffer.concat(chunks).toString() }))
      response.on('error', reject)
    })
    request.on('error', reject)
    request.end()
  })
}

describe('the response cache in Express', () => {
  it('answers from the cache with all that the handler said, and 304 to who has it already', async () => {
    const { app, ask, clock } = await open()
    let calls = 0
    app.get('/a', (_request, response) => {
      calls++
      response.set({ 'Cache-Control': 'public, max-age=60', 'X-Own': 'yes' }).json({ calls })
    })
    const first = await ask('/a')
    clock.advance(5000)
    const second = await ask('/a')
    expect([first.headers['x-cache'], second.headers['x-cache'], second.headers.age]).toEqual(['MISS', 'HIT', '5'])
    expect([second.text, second.headers['x-own'], second.headers['content-type'], second.headers.etag]).toEqual([
      '{"calls":1}',
      'yes',
      first.headers['content-type'],
      first.headers.etag,
    ])
    const third = await ask('/a', { 'if-none-match': first.headers.etag! })
    expect([third.status, third.text, calls]).toEqual([304, '', 1])
    expect((await ask('/a', {}, 'HEAD')).headers['content-length']).toBe('11')
  })

  it('passes on what it must not store, also as it streams', async () => {
    const { app, ask } = await open()
    app.get('/s', (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/plain' })
      response.write('one,')
      setImmediate(() => response.end('two'))
    })
    for (let i = 0; i < 2; i++) {
      const answer = await ask('/s')
      expect([answer.text, answer.headers['x-cache'], answer.headers['transfer-encoding']]).toEqual(['one,two', 'MISS', 'chunked'])
    }
  })

  it('sends each event of a stream when it is written', async () => {
    const { app, ask } = await open()
    let sent!: () => void
    const second = new Promise<void>(resolve => {
      sent = resolve
    })
    app.get('/events', (_request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'max-age=60' })
      response.write('data: 1\n\n')
      void second.then(() => response.end('data: 2\n\n'))
    })
    const { port } = servers.at(-1)!.address() as AddressInfo
    const text = await new Promise<string>((resolve, reject) => {
      let got = ''
      send({ port, path: '/events', agent: false }, response => {
        response.on('data', chunk => {
          got += chunk
          sent()
        })
        response.on('end', () => resolve(got))
      })
        .on('error', reject)
        .end()
    })
    expect(text).toBe('data: 1\n\ndata: 2\n\n')
    expect(ask).toBeDefined()
  })

  it('serves the stale answer while the application runs again in the background', async () => {
    const { app, ask, clock } = await open()
    let calls = 0
    app.get('/a', (_request, response) => {
      response.set('Cache-Control', 'public, max-age=10, stale-while-revalidate=60').send(`call ${++calls}`)
    })
    await ask('/a')
    clock.advance(20_000)
    const stale = await ask('/a')
    expect([stale.text, stale.headers['x-cache']]).toEqual(['call 1', 'STALE'])
    await expect.poll(async () => (await ask('/a')).text).toBe('call 2')
    expect((await ask('/a')).headers['x-cache']).toBe('HIT')
    expect(calls).toBe(2)
  })

  it('lets the handler confirm what is stored by its own 304', async () => {
    const { app, ask, clock } = await open()
    let asked: string | undefined
    app.get('/a', (request, response) => {
      asked = request.headers['if-none-match']
      if (asked === '"1"') response.status(304).end()
      else response.set({ 'Cache-Control': 'public, max-age=10', ETag: '"1"' }).send('body')
    })
    await ask('/a')
    clock.advance(20_000)
    const confirmed = await ask('/a')
    expect([asked, confirmed.status, confirmed.text]).toEqual(['"1"', 200, 'body'])
  })

  it('keeps sub-paths, errors and unknown routes as they are', async () => {
    const { app, ask } = await open()
    const router = expressFramework.Router()
    router.get('/x', (request, response) => {
      response.set('Cache-Control', 'public, max-age=60').send(`${request.baseUrl}${request.path}`)
    })
    app.use('/sub', router)
    app.get('/throws', () => {
      throw Object.assign(new Error('teapot'), { status: 418, expose: true })
    })
    for (let i = 0; i < 2; i++) expect((await ask('/sub/x')).text).toBe('/sub/x')
    expect((await ask('/throws')).status).toBe(418)
    expect((await ask('/nothing')).status).toBe(404)
  })

  it('takes URLs as the application sees them, and no host that could move the border of the path', async () => {
    const { app, ask } = await open()
    let calls = 0
    app.use((request, response) => {
      response.set('Cache-Control', 'public, max-age=60').send(`${++calls} ${request.headers.host} ${request.url}`)
    })
    const paths = ['/b', '/a/../b', '/./b', '//b', '/%62', '/B', '/b/', '/b?', '/b?x']
    const texts = new Set<string>()
    for (const path of paths) texts.add((await ask(path, { host: 'shop.test' })).text)
    expect(texts.size).toBe(paths.length - 1)
    for (const host of ['shop.test/b?', 'x@shop.test', 'shop.test/a', 'shop.test:99999']) await ask('/c', { host })
    const before = calls
    await ask('/c', { host: 'shop.test' })
    expect(calls).toBe(before + 1)
  })

  it('leaves the fields of a request as node has read them', async () => {
    const { app, ask } = await open()
    const seen: unknown[] = []
    app.use((request, response) => {
      seen.push([request.headers['user-agent'], request.headers['x-many'], request.headers['if-none-match'], request.headers.range])
      response.set('Cache-Control', 'public, max-age=60').send('a')
    })
    const { port } = servers.at(-1)!.address() as AddressInfo
    const headers = [
      'Host',
      'shop.test',
      'User-Agent',
      'first',
      'User-Agent',
      'second',
      'X-Many',
      'a',
      'X-Many',
      'b',
      'If-None-Match',
      '"x"',
      'Range',
      'bytes=0-0',
    ]
    await new Promise((resolve, reject) => {
      send({ port, path: '/a', headers, agent: false }, response => response.resume().on('end', resolve))
        .on('error', reject)
        .end()
    })
    expect(seen).toEqual([['first', 'a, b', '"x"', 'bytes=0-0']])
    expect((await ask('/a', { host: 'shop.test' })).headers['x-cache']).toBe('HIT')
  })

  it('forgets what a POST changed, also one that says it is a PUT', async () => {
    const { app, ask } = await open()
    let calls = 0
    app.all('/a', (_request, response) => {
      response.set('Cache-Control', 'public, max-age=60').send(`call ${++calls}`)
    })
    await ask('/a')
    await ask('/a', {}, 'POST')
    expect((await ask('/a')).text).toBe('call 3')
    await ask('/a', { 'x-http-method-override': 'PUT' }, 'POST')
    expect((await ask('/a')).text).toBe('call 5')
  })

  it('passes a large body on, whole and to a slow reader, without holding it all', async () => {
    const { app, ask } = await open({ maxBody: '64kb' })
    const listener: RequestListener = (_request, response) => {
      response.setHeader('Cache-Control', 'public, max-age=60')
      let left = 64
      const push = (): void => {
        while (left-- > 0) if (!response.write(Buffer.alloc(65_536, 'x'))) return void response.once('drain', push)
        response.end()
      }
      push()
    }
    app.get('/large', listener)
    expect((await ask('/large')).text.length).toBe(64 * 65_536)
  })

  it('ends the connection when a handler breaks off, and stores nothing', async () => {
    const { app, ask, clock } = await open()
    let calls = 0
    app.get('/a', (_request, response) => {
      response.set('Cache-Control', 'public, max-age=60')
      if (++calls > 1) return void response.send('whole')
      response.write('half')
      setImmediate(() => response.destroy())
    })
    const broken = ask('/a').then(
      () => 'answered',
      () => 'cut',
    )
    expect(await broken).toBe('cut')
    clock.advance(60_000)
    await new Promise(setImmediate)
    expect((await ask('/a')).text).toBe('whole')
  })
})
