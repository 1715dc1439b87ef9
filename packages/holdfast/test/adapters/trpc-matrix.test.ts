import { createServer, type IncomingMessage, type RequestListener, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import fastifyCompress from '@fastify/compress'
import { fakeClock } from '@holdfast/testkit'
import { getRequestListener } from '@hono/node-server'
import { initTRPC } from '@trpc/server'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import { type FastifyTRPCPluginOptions, fastifyTRPCPlugin } from '@trpc/server/adapters/fastify'
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { createHTTPHandler } from '@trpc/server/adapters/standalone'
import compression from 'compression'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { afterEach, describe, expect, it } from 'vitest'
import { responseCache as forExpress } from '../../src/adapters/express.ts'
import { responseCache as forFastify } from '../../src/adapters/fastify.ts'
import { responseCache as forHono } from '../../src/adapters/hono.ts'
import { cached, responseMeta } from '../../src/adapters/trpc.ts'
import { createTieredCache } from '../../src/cache/index.ts'
import { createResponseCache, type ResponseCache } from '../../src/http/index.ts'
import { createRegistry } from '../../src/telemetry/index.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const LONG = 'x'.repeat(3000)

/** A router, what its procedures did, and the caches around it. */
function openRouter() {
  const [clock, registry] = [fakeClock(), createRegistry()]
  const data = createTieredCache({ jitter: 0 }, { registry, clock })
  const calls: string[] = []
  const t = initTRPC.create()
  const router = t.router({
    fund: t.procedure.use(cached({ ttl: '1m', sharedBy: 'everyone', tags: ['funds'] })).query(() => `fund ${calls.push('fund')} ${LONG}`),
    save: t.procedure.input(value => value as { units: number }).mutation(({ input }) => `saved ${input.units} ${calls.push('save')}`),
  })
  return { router, calls, data, responses: createResponseCache({}, { cache: data, registry, clock }) }
}

type AnyRouter = ReturnType<typeof openRouter>['router']
interface Place {
  readonly path: string
  readonly parsed?: boolean
  readonly compressed?: boolean
}
type Mount = (router: AnyRouter, responses: ResponseCache, place: Place) => RequestListener | Promise<RequestListener>

const MOUNTS: Readonly<Record<string, Mount>> = {
  node: (router, responses, { path }) => {
    const handler = createHTTPHandler({ router, responseMeta, basePath: `${path}/` })
    return (request, response) => responses.node(request, response, handler)
  },
  express: (router, responses, { path, parsed, compressed }) => {
    const app = express()
    if (compressed) app.use(compression({ threshold: 0 }))
    if (parsed) app.use(express.json())
    return app.use(forExpress(responses)).use(path, createExpressMiddleware({ router, responseMeta }))
  },
  fastify: async (router, responses, { path, compressed }) => {
    const app = Fastify()
    if (compressed) await app.register(fastifyCompress, { threshold: 0 })
    await app.register(forFastify(responses))
    const trpcOptions = { router, responseMeta } satisfies FastifyTRPCPluginOptions<AnyRouter>['trpcOptions']
    await app.register(fastifyTRPCPlugin, { prefix: path, trpcOptions })
    await app.ready()
    return (request, response) => app.routing(request, response)
  },
  hono: (router, responses, { path, compressed }) => {
    const app = new Hono()
    if (compressed) app.use(compress({ threshold: 0 }))
    app.use(forHono(responses, app))
    app.all(`${path}/*`, context => fetchRequestHandler({ endpoint: path, req: context.req.raw, router, responseMeta }))
    return getRequestListener(app.fetch, { overrideGlobalObjects: false })
  },
}

async function listen(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closers.push(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(resolve))
  })
  return (server.address() as AddressInfo).port
}

function ask(port: number, path: string, headers: Record<string, string> = {}, method = 'GET', body = '') {
  return new Promise<{ status: number; headers: IncomingMessage['headers']; bytes: Buffer; text: string }>((resolve, reject) => {
    send({ port, path, method, headers, agent: false }, response => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        resolve({ status: response.statusCode!, headers: response.headers, bytes, text: bytes.toString() })
      })
    })
      .on('error', reject)
      .end(body)
  })
}

const PLACES: Readonly<Record<string, Place>> = {
  alone: { path: '/trpc' },
  'at a sub-path': { path: '/api/v1/trpc' },
  'after a body parser': { path: '/trpc', parsed: true },
  'after compression': { path: '/trpc', compressed: true },
}

/** node has no middleware of its own; and of a request of Hono's the body is whoever's who reads it first. */
const placesOf = (framework: string): string[] =>
  Object.keys(PLACES).filter(name => {
    const { parsed, compressed } = PLACES[name]!
    return framework === 'node' ? !(parsed || compressed) : !(framework === 'hono' && parsed)
  })

describe.each(Object.keys(MOUNTS))('tRPC behind %s', framework => {
  it.each(placesOf(framework))(
    '%s: one call for GET, HEAD, ranges and codings; mutations reach it with their input; a tag drops the answer',
    async name => {
      const place = PLACES[name]!
      const { router, responses, calls, data } = openRouter()
      const port = await listen(await MOUNTS[framework]!(router, responses, place))
      const fund = `${place.path}/fund`
      const first = await ask(port, fund)
      expect([first.status, first.text.includes('fund 1'), first.headers['x-cache']]).toEqual([200, true, 'MISS'])
      expect(await ask(port, fund)).toMatchObject({ text: first.text, headers: { 'x-cache': 'HIT', 'cache-control': 'no-cache' } })
      expect(await ask(port, fund, {}, 'HEAD')).toMatchObject({ status: 200, text: '', headers: { 'x-cache': 'HIT' } })
      expect(await ask(port, fund, { range: 'bytes=0-9' })).toMatchObject({ status: 206, text: first.text.slice(0, 10) })
      const zipped = await ask(port, fund, { 'accept-encoding': 'gzip' })
      expect([zipped.headers['content-encoding'], gunzipSync(zipped.bytes).toString()]).toEqual(['gzip', first.text])
      expect(calls).toEqual(['fund'])
      const json = { 'content-type': 'application/json', 'content-length': '11' }
      for (const count of [2, 3]) {
        const saved = await ask(port, `${place.path}/save`, json, 'POST', '{"units":7}')
        expect([saved.status, saved.text.includes(`saved 7 ${count}`)]).toEqual([200, true])
      }
      await data.invalidateTags('funds')
      expect((await ask(port, fund)).text).toContain('fund 4')
    },
  )
})
