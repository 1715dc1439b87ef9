import { createServer, type IncomingHttpHeaders, type RequestListener, type Server, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import * as zlib from 'node:zlib'
import { brotliDecompressSync, createGunzip, gunzipSync } from 'node:zlib'
import { getRequestListener } from '@hono/node-server'
import expressFramework from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { afterEach, describe, expect, it } from 'vitest'
import { responseCache as cacheForExpress, compress as forExpress } from '../../src/adapters/express.ts'
import { responseCache as cacheForFastify, compress as forFastify } from '../../src/adapters/fastify.ts'
import { responseCache as cacheForHono, compress as forHono } from '../../src/adapters/hono.ts'
import { createTieredCache } from '../../src/cache/index.ts'
import { CODINGS, type Coding } from '../../src/http/content-coding/coding.ts'
import { createResponseCache } from '../../src/http/index.ts'
import { createRegistry, type Registry } from '../../src/telemetry/index.ts'

const DECODE: Record<Coding, (bytes: Buffer) => Buffer> = {
  zstd: bytes => (zlib as unknown as { zstdDecompressSync(bytes: Buffer): Buffer }).zstdDecompressSync(bytes),
  br: brotliDecompressSync,
  gzip: gunzipSync,
}

interface Made {
  readonly status?: number
  readonly headers?: Record<string, string>
  /** A text, or texts as they come. */
  readonly body: string | AsyncIterable<string>
}
type Handler = (url: string) => Made

const JSON_TYPE = { 'content-type': 'application/json' }
const TEXT = JSON.stringify(Array.from({ length: 200 }, (_, id) => ({ id, status: 'open', zip: '60601' })))

const FRAMEWORKS: Record<string, (registry: Registry, handle: Handler) => Promise<RequestListener> | RequestListener> = {
  express: (telemetry, handle) => {
    const app = expressFramework()
    app.use(forExpress({ telemetry }, { mayCompress: ({ url }) => url !== '/secret' }), cacheForExpress(cacheOf(telemetry)))
    app.use((request, response) => {
      const { status = 200, headers = {}, body } = handle(request.url)
      response.status(status).set(headers)
      if (typeof body === 'string') response.send(body)
      else Readable.from(body).pipe(response)
    })
    return app
  },
  fastify: async (telemetry, handle) => {
    const app = Fastify()
    await app.register(forFastify({ telemetry }, { mayCompress: ({ raw }) => (raw as { url?: string }).url !== '/secret' }))
    await app.register(cacheForFastify(cacheOf(telemetry)))
    app.get('/*', async (request, reply) => {
      const { status = 200, headers = {}, body } = handle(request.url)
      return reply
        .status(status)
        .headers(headers)
        .send(typeof body === 'string' ? body : Readable.from(body))
    })
    await app.ready()
    return (request, response) => app.routing(request, response)
  },
  hono: (telemetry, handle) => {
    const app = new Hono()
    app.use(forHono({ telemetry }, { mayCompress: ({ url }) => !url.endsWith('/secret') }), cacheForHono(cacheOf(telemetry), app))
    app.all('*', context => {
      const { status = 200, headers = {}, body } = handle(new URL(context.req.url).pathname)
      const sent = typeof body === 'string' ? body : (Readable.toWeb(Readable.from(body).map(text => Buffer.from(text))) as ReadableStream)
      return new Response(status === 304 || status === 204 ? null : sent, { status, headers })
    })
    return getRequestListener(app.fetch, { overrideGlobalObjects: false })
  },
}

function cacheOf(registry: Registry) {
  return createResponseCache({}, { cache: createTieredCache({}, { registry }), registry })
}

const servers: Server[] = []
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
})

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

describe.each(Object.keys(FRAMEWORKS))('compression in %s', framework => {
  async function open(handle: Handler) {
    const registry = createRegistry()
    const server = createServer(await FRAMEWORKS[framework]!(registry, handle))
    servers.push(server)
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    const ask = (headers: Record<string, string> = {}, path = '/a', method = 'GET'): Promise<Answer> =>
      new Promise((resolve, reject) => {
        send({ port, path, method, headers, agent: false }, response => {
          const chunks: Buffer[] = []
          response.on('data', chunk => chunks.push(chunk))
          response.on('error', reject)
          response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, bytes: Buffer.concat(chunks) }))
        })
          .on('error', reject)
          .end()
      })
    return { registry, port, ask }
  }

  it('sends a body of 1 kB and more in the coding that is wished, with its length, a weak tag and Vary', async () => {
    const { ask } = await open(() => ({ headers: { ...JSON_TYPE, 'cache-control': 'no-store', etag: '"1"', 'accept-ranges': 'bytes' }, body: TEXT }))
    for (const coding of CODINGS) {
      const { status, headers, bytes } = await ask({ 'accept-encoding': coding })
      expect([status, headers['content-encoding'], headers['content-length'], headers.etag, headers['accept-ranges']]).toEqual([
        200,
        coding,
        String(bytes.byteLength),
        'W/"1"',
        undefined,
      ])
      expect(headers.vary?.toLowerCase()).toContain('accept-encoding')
      expect(DECODE[coding](bytes).toString()).toBe(TEXT)
      expect(bytes.byteLength).toBeLessThan(TEXT.length * 0.4)
    }
    const plain = await ask()
    expect([plain.headers['content-encoding'], plain.headers.etag, plain.bytes.toString()]).toEqual([undefined, '"1"', TEXT])
    expect(plain.headers.vary?.toLowerCase()).toContain('accept-encoding')
  })

  it.each<[name: string, made: Made, request?: Record<string, string>, path?: string]>([
    ['small', { headers: JSON_TYPE, body: '{"id":7}' }],
    ['of a type that is compressed already', { headers: { 'content-type': 'image/png' }, body: TEXT }],
    ['not to be transformed', { headers: { ...JSON_TYPE, 'cache-control': 'no-store, no-transform' }, body: TEXT }],
    ['a part', { status: 206, headers: { ...JSON_TYPE, 'content-range': 'bytes 0-9/99' }, body: TEXT }],
    ['encoded by the handler', { headers: { ...JSON_TYPE, 'content-encoding': 'x-own' }, body: TEXT }],
    ['signed by a digest', { headers: { ...JSON_TYPE, 'content-digest': 'sha-256=:AA==:' }, body: TEXT }],
    ['of a route with a secret', { headers: JSON_TYPE, body: TEXT }, {}, '/secret'],
    ['for a client that wants no coding', { headers: JSON_TYPE, body: TEXT }, { 'accept-encoding': 'identity' }],
  ])('leaves alone what is %s', async (_, made, request = {}, path = '/a') => {
    const { ask } = await open(() => made)
    const { status, headers, bytes } = await ask({ 'accept-encoding': 'gzip', ...request }, path)
    expect([status, headers['content-encoding'], bytes.toString()]).toEqual([made.status ?? 200, made.headers?.['content-encoding'], made.body])
  })

  it('answers HEAD and 304 without a body', async () => {
    const { ask } = await open(url => (url === '/b' ? { status: 304, body: '' } : { headers: JSON_TYPE, body: TEXT }))
    expect((await ask({ 'accept-encoding': 'gzip' }, '/a', 'HEAD')).bytes.byteLength).toBe(0)
    const { status, headers } = await ask({ 'accept-encoding': 'gzip', 'if-none-match': 'W/"1"' }, '/b')
    expect([status, headers['content-encoding']]).toEqual([304, undefined])
  })

  it('sends what a stream has written before it goes on, and events as they are', async () => {
    for (const type of ['text/plain', 'text/event-stream']) {
      let release!: () => void
      const seen = new Promise<void>(resolve => {
        release = resolve
      })
      const { port } = await open(() => ({ headers: { 'content-type': type, 'cache-control': 'no-store' }, body: parts(seen) }))
      const coding = await new Promise<string | undefined>((resolve, reject) => {
        send({ port, path: '/a', headers: { 'accept-encoding': 'gzip' }, agent: false }, response => {
          const decoded = response.headers['content-encoding'] === 'gzip' ? response.pipe(createGunzip()) : response
          let got = ''
          decoded.on('data', chunk => {
            got += chunk
            if (got === FIRST) release()
          })
          decoded.on('end', () => (got === `${FIRST}second` ? resolve(response.headers['content-encoding']) : reject(new Error(got))))
        })
          .on('error', reject)
          .end()
      })
      expect(coding).toBe(type === 'text/plain' ? 'gzip' : undefined)
    }
  })

  it('keeps a long stream whole for a slow reader', async () => {
    const { ask } = await open(() => ({ headers: { 'content-type': 'text/plain', 'cache-control': 'no-store' }, body: numbers(60_000) }))
    const { bytes } = await ask({ 'accept-encoding': 'gzip' })
    let expected = ''
    for await (const text of numbers(60_000)) expected += text
    expect(gunzipSync(bytes).toString() === expected).toBe(true)
  })

  it('leaves what the response cache has as it stored it', async () => {
    let calls = 0
    const { ask, registry } = await open(() => {
      calls++
      return { headers: { ...JSON_TYPE, 'cache-control': 'public, max-age=60', etag: '"1"' }, body: TEXT }
    })
    for (let i = 0; i < 3; i++) {
      const { headers, bytes } = await ask({ 'accept-encoding': 'gzip' })
      expect([headers['content-encoding'], headers.etag, gunzipSync(bytes).toString()]).toEqual(['gzip', '"1;hf=gzip"', TEXT])
    }
    expect(calls).toBe(1)
    expect(registry.snapshot().find(({ name }) => name === 'holdfast_http_compressions')?.series).toEqual([])
  })
})

const FIRST = 'x'.repeat(2000)

async function* parts(first: Promise<void>): AsyncGenerator<string> {
  yield FIRST
  await first
  yield 'second'
}

async function* numbers(count: number): AsyncGenerator<string> {
  for (let at = 0; at < count; at += 1000) yield Array.from({ length: 1000 }, (_, i) => `${(at + i) * 7919}`).join(' ')
}
