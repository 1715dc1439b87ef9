import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline, Readable } from 'node:stream'
import fastifyCompress from '@fastify/compress'
import { type FakeClock, fakeClock } from '@holdfast/testkit'
import { getRequestListener } from '@hono/node-server'
import compression from 'compression'
import expressFramework from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { compress as honoCompress } from 'hono/compress'
import { responseCache as forExpress, rateLimit as limitExpress } from '../../src/adapters/express.ts'
import { responseCache as forFastify, rateLimit as limitFastify } from '../../src/adapters/fastify.ts'
import { responseCache as forHono, rateLimit as limitHono } from '../../src/adapters/hono.ts'
import { lambda as forLambda } from '../../src/adapters/lambda.ts'
import { createTieredCache, type TieredCache } from '../../src/cache/index.ts'
import { createRateLimiter, createResponseCache, type ResponseCache } from '../../src/http/index.ts'
import { createRegistry } from '../../src/telemetry/index.ts'
import { nestOnExpress, nestOnFastify } from './nest-site.ts'
import { next } from './next-site.ts'
import type { Handler, Listener, Mount, MountedSite, SeenRequest, SiteOptions } from './site-contract.ts'

export type { Handler, SiteOptions } from './site-contract.ts'

export interface Answered {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  readonly text: string
  readonly cache: string | string[] | undefined
}

export interface Site {
  readonly clock: FakeClock
  readonly data: TieredCache
  readonly responses: ResponseCache
  readonly port: number
  handler: Handler
  /** Requests that reached the handler. */
  readonly seen: SeenRequest[]
  ask(path?: string, headers?: Record<string, string | string[]>, method?: string, body?: string): Promise<Answered>
  close(): Promise<void>
}

/** node's own server, without a framework: its handlers cut off a prefix by themselves, and nothing catches what they throw. */
function node({ responses }: MountedSite, options: SiteOptions, handle: Handler): Listener {
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname } = new URL(request.url!, 'http://any.test')
    const made = await handle({ method: request.method!, path: pathname.slice(options.prefix?.length ?? 0), headers: request.headers })
    response.writeHead(made.status ?? 200, made.headers ?? {})
    if (made.chunks === undefined) response.end(made.body ?? '')
    else pipeline(Readable.from(made.chunks), response, () => undefined)
  }
  return (request, response) => {
    for (const [name, value] of Object.entries(options.before?.(request) ?? {})) response.setHeader(name, value)
    responses.node(request, response, (asked, answered) => {
      answer(asked, answered).catch(() => answered.writeHead(500).end('failed'))
    })
  }
}

function express({ responses, limiter }: MountedSite, options: SiteOptions, handle: Handler): Listener {
  const inner = options.prefix === undefined ? expressFramework() : expressFramework.Router()
  if (options.compressed) inner.use(compression({ threshold: 0 }))
  if (options.parsed) inner.use(expressFramework.json())
  inner.use((request, response, next) => {
    response.set(options.before?.(request) ?? {})
    next()
  })
  if (limiter !== undefined) inner.use(limitExpress(limiter, { identity: request => request.headers['x-user']?.toString() }))
  inner.use(forExpress(responses))
  inner.use(async (request, response) => {
    const made = await handle({ method: request.method, path: request.path, headers: request.headers })
    response.status(made.status ?? 200).set(made.headers ?? {})
    if (made.chunks === undefined) response.send(made.body ?? '')
    else pipeline(Readable.from(made.chunks), response, () => undefined)
  })
  inner.use((_error: unknown, _request: expressFramework.Request, response: expressFramework.Response, _next: expressFramework.NextFunction) => {
    response.status(500).send('failed')
  })
  if (options.prefix === undefined) return inner as expressFramework.Express
  return expressFramework().use(options.prefix, inner) as unknown as Listener
}

async function fastify({ responses, limiter }: MountedSite, options: SiteOptions, handle: Handler): Promise<Listener> {
  const app = Fastify()
  if (options.compressed) await app.register(fastifyCompress, { threshold: 0 })
  app.addHook('onRequest', (request, reply, done) => {
    reply.headers(options.before?.(request) ?? {})
    done()
  })
  await app.register(
    (inner, _options, done) => {
      if (limiter !== undefined)
        inner.register(limitFastify(limiter, { identity: ({ raw }) => (raw as IncomingMessage).headers['x-user']?.toString() }))
      inner.register(forFastify(responses))
      inner.all('/*', async (request, reply) => {
        const path = `/${(request.params as { '*': string })['*']}`
        const made = await handle({ method: request.method, path, headers: request.headers })
        reply.status(made.status ?? 200).headers(made.headers ?? {})
        return reply.send(made.chunks === undefined ? (made.body ?? '') : Readable.from(made.chunks))
      })
      done()
    },
    { prefix: options.prefix ?? '' },
  )
  await app.ready()
  return (request: IncomingMessage, response: ServerResponse) => app.routing(request, response)
}

function hono({ responses, limiter }: MountedSite, options: SiteOptions, handle: Handler): Listener {
  const app = new Hono()
  const root = options.prefix === undefined ? app : new Hono()
  if (options.compressed) app.use(honoCompress({ threshold: 0 }))
  if (options.parsed) {
    app.use(async (context, next) => {
      if (context.req.header('content-type') === 'application/json') await context.req.json()
      await next()
    })
  }
  app.use(async (context, next) => {
    await next()
    const set = options.before?.({ headers: Object.fromEntries(context.req.raw.headers) }) ?? {}
    for (const [name, value] of Object.entries(set)) context.header(name, value)
  })
  if (limiter !== undefined) app.use(limitHono(limiter, { identity: request => request.headers.get('x-user') ?? undefined }))
  app.use(forHono(responses, app))
  app.all('*', async context => {
    const { pathname } = new URL(context.req.url)
    const made = await handle({ method: context.req.method, path: pathname, headers: Object.fromEntries(context.req.raw.headers) })
    const body =
      made.chunks === undefined ? (made.body ?? '') : (Readable.toWeb(Readable.from(made.chunks).map(text => Buffer.from(text))) as ReadableStream)
    return new Response([204, 304].includes(made.status ?? 200) ? null : body, { status: made.status ?? 200, headers: made.headers ?? {} })
  })
  app.onError((_error, context) => context.text('failed', 500))
  if (options.prefix !== undefined) root.mount(options.prefix, app.fetch)
  return getRequestListener(root.fetch, { overrideGlobalObjects: false })
}

/** Lambda behind a gateway that makes events of REST APIs, as far as it shows from outside. */
function lambda({ responses }: MountedSite, { prefix = '', before }: SiteOptions, handle: Handler): Listener {
  const invoke = forLambda(responses, async request => {
    try {
      const made = await handle({ method: request.method, path: new URL(request.url).pathname, headers: Object.fromEntries(request.headers) })
      let body = made.body ?? ''
      for await (const chunk of made.chunks ?? []) body += chunk
      return new Response([204, 304].includes(made.status ?? 200) ? null : body, { status: made.status ?? 200, headers: made.headers ?? {} })
    } catch {
      return new Response('failed', { status: 500 })
    }
  })
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const sent: Buffer[] = []
    for await (const chunk of request) sent.push(chunk as Buffer)
    const whole = request.url!
    if (!whole.startsWith('/')) return void response.writeHead(400).end()
    const [path = '', query = ''] = whole.split('?')
    const parameters: Record<string, string[]> = {}
    for (const [name, value] of new URLSearchParams(query)) parameters[name] = [...(parameters[name] ?? []), value]
    const multiValueHeaders = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, [value].flat() as string[]]))
    const result = await invoke({
      httpMethod: request.method!,
      path: path.slice(prefix.length),
      multiValueHeaders: { ...multiValueHeaders, 'x-forwarded-proto': ['https'], 'x-forwarded-port': ['443'] },
      multiValueQueryStringParameters: parameters,
      body: Buffer.concat(sent).toString(),
      requestContext: { path },
    })
    for (const [name, value] of Object.entries(before?.(request) ?? {})) response.setHeader(name, value)
    response.writeHead(result.statusCode, { ...result.headers, ...result.multiValueHeaders })
    response.end(request.method === 'HEAD' ? undefined : Buffer.from(result.body, result.isBase64Encoded ? 'base64' : 'utf8'))
  }
  // A client that breaks off its request is nobody's fault here.
  return (request: IncomingMessage, response: ServerResponse) => void serve(request, response).catch(() => response.destroy())
}

/** Every framework on node with an adapter of ours, node without one, and Lambda. */
export const FRAMEWORKS: Readonly<Record<'node' | 'express' | 'fastify' | 'hono' | 'nest' | 'nest on fastify' | 'next' | 'lambda', Mount>> = {
  node,
  express,
  fastify,
  hono,
  nest: nestOnExpress,
  'nest on fastify': nestOnFastify,
  next,
  lambda,
}
export type Framework = keyof typeof FRAMEWORKS
/** Not those where a handler stands in no application of ours (a function of Lambda, a route of Next.js), or in none at all. */
export const hasMiddleware = (framework: Framework): boolean => !['lambda', 'next', 'node'].includes(framework)

/** A listening site; close it. */
export async function openSite(framework: Framework, options: SiteOptions = {}): Promise<Site> {
  const { prefix: _prefix, parsed: _parsed, compressed: _compressed, before: _before, limit, ...cacheOptions } = options
  const clock = fakeClock()
  const registry = createRegistry()
  const data = createTieredCache({ jitter: 0 }, { clock, registry })
  const responses = createResponseCache(cacheOptions, { cache: data, registry, clock })
  const seen: SeenRequest[] = []
  const limiter = limit === undefined ? undefined : createRateLimiter({ name: 'api', limit, per: '10s' }, data)
  const listener = await FRAMEWORKS[framework]({ responses, limiter }, options, request => {
    seen.push(request)
    return site.handler(request)
  })
  const server = createServer(listener)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const site: Site = {
    clock,
    data,
    responses,
    port,
    handler: () => ({ status: 404 }),
    seen,
    ask: (path = '/a', headers = {}, method = 'GET', body = '') => ask(port, (options.prefix ?? '') + path, headers, method, body),
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return site
}

function ask(port: number, path: string, headers: Record<string, string | string[]>, method: string, body: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const onAnswer = (response: IncomingMessage): void => {
      const chunks: Buffer[] = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        resolve({ status: response.statusCode!, headers: response.headers, bytes, text: bytes.toString(), cache: response.headers['x-cache'] })
      })
    }
    send({ port, path, method, headers, agent: false }, onAnswer).on('error', reject).end(body)
  })
}
