import { timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { currentRequestScope, type Duration, parseDurationMs, runInRequestScope } from '../core/index.ts'
import {
  type AssetOptions,
  compressNode,
  createAssetPolicy,
  createCompressor,
  metricsResponse,
  type RateLimiter,
  type ResponseCache,
} from '../http/index.ts'
import type { Holdfast } from '../runtime/index.ts'
import { checkLimit, type LimitOptions, originOf } from './limit-request.ts'
import { applyAssets } from './node-assets.ts'
import { observeResponse } from './observe-response.ts'

export type { LimitOptions }

/** The part of an Express 5 request read here. */
export interface ExpressRequest extends IncomingMessage {
  readonly originalUrl?: string
  readonly baseUrl?: string
  readonly route?: { readonly path?: unknown }
}

/** An Express 5 handler, typed by the part of Express that it uses. */
export type ExpressHandler = (request: ExpressRequest, response: ServerResponse, next: (error?: unknown) => void) => void

/** Middleware that measures every request and says in `Server-Timing` where its time went (pool, PostgreSQL, Redis, app). Mount it first.
 *  Routes are counted by their pattern; what no route matched counts as one. */
export function express(hf: Pick<Holdfast, 'requests'>): ExpressHandler {
  return (request, response, next) => observeResponse(hf.requests, response, () => routeOf(request), next)
}

/** How {@link readYourWrites} keeps its token. */
export interface ReadYourWritesOptions {
  /** Name of the cookie. Default `hf_read`. */
  readonly cookie?: string
  /** How long a client keeps it; well above `maxLag` of the replicas, beyond which it has no use. Default `'5m'`. */
  readonly maxAge?: Duration
}

/** Middleware that lets each client read its own writes from replicas: what a request wrote goes along as a token in a cookie, and the client's next requests wait for it
 *  or read from the primary. Mount it after {@link express}. The cookie is set when a request used the primary, and holds nothing personal. */
export function readYourWrites(hf: Pick<Holdfast, 'pg'>, { cookie = 'hf_read', maxAge = '5m' }: ReadYourWritesOptions = {}): ExpressHandler {
  const attributes = `Path=/; Max-Age=${Math.ceil(parseDurationMs(maxAge) / 1000)}; HttpOnly; SameSite=Lax`
  return (request, response, next) => {
    const given = cookieOf(request, cookie)
    hf.pg.readAfter(given)
    const scope = currentRequestScope()
    const writeHead = response.writeHead
    response.writeHead = function (this: ServerResponse, ...args: Parameters<typeof writeHead>) {
      response.writeHead = writeHead
      // Whoever calls this may do so in the context of another request, as callbacks of a pool do.
      const token = scope === undefined ? undefined : runInRequestScope(scope, () => hf.pg.readToken())
      if (token !== undefined && token !== given && !response.headersSent) response.appendHeader('Set-Cookie', `${cookie}=${token}; ${attributes}`)
      return writeHead.apply(this, args)
    } as typeof writeHead
    next()
  }
}

function cookieOf(request: IncomingMessage, name: string): string | undefined {
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const [key, value] = part.split('=', 2)
    if (key?.trim() === name) return value?.trim()
  }
  return undefined
}

/** The part of an Express 5 application used to run a request anew in the background. */
interface ExpressApp {
  handle(request: IncomingMessage, response: ServerResponse, done: (error?: unknown) => void): void
}

/** Middleware that answers GET and HEAD from a response cache and forgets what unsafe requests change. Mount it after {@link express} and before everything
 *  whose answers it may store; compression and body parsers come after it. */
export function responseCache(cache: ResponseCache): ExpressHandler {
  return (request, response, next) => {
    cache.node(request, response, {
      run: () => next(),
      routeOf: () => routeOf(request),
      rerun: (again, held) => {
        const { app } = request as ExpressRequest & { readonly app: ExpressApp }
        app.handle(again, held, () => held.destroy())
      },
    })
  }
}

/** What is compressed. */
export interface CompressOptions<Request> {
  /** `false` for requests whose answer holds a secret beside something that the request can choose (BREACH): its size would tell of the secret. Default: all
   *  that gain by it. */
  readonly mayCompress?: (request: Request) => boolean
}

/** Middleware that compresses answers of 1 kB and more on their way: Zstandard where node has it, Brotli, gzip. Mount it before {@link responseCache}, whose
 *  stored encodings go out as they are, and after {@link express}. Leaves alone streams of events, parts, what is encoded already, and `no-transform`. */
export function compress(hf: Pick<Holdfast, 'telemetry'>, { mayCompress }: CompressOptions<ExpressRequest> = {}): ExpressHandler {
  const compressor = createCompressor(hf.telemetry)
  return (request, response, next) => {
    if (mayCompress?.(request) ?? true) compressNode(request, response, compressor)
    next()
  }
}

/** Middleware that says by rules how long browsers and CDNs keep files. Mount it in front of `express.static` and after {@link responseCache}, which must see
 *  what it says: the rules win, but `private`, `no-store` and
 *  errors stay as they are. @throws HF_CONFIG_INVALID naming every bad rule at once */
export function assets(options: AssetOptions): ExpressHandler {
  const policy = createAssetPolicy(options)
  return (request, response, next) => {
    applyAssets(policy, request, response, request.originalUrl ?? request.url ?? '').then(() => next(), next)
  }
}

/** Middleware that refuses requests beyond a limit with 429 and `application/problem+json`. Every answer says in RateLimit fields what is left. Mount it before
 *  {@link responseCache}, so that hits count too. */
export function rateLimit(limiter: RateLimiter, options: LimitOptions<ExpressRequest> = {}): ExpressHandler {
  return (request, response, next) => {
    checkLimit(limiter, options, request, () => originOf(request)).then(({ fields, refusal }) => {
      for (const [name, value] of fields) response.setHeader(name, value)
      if (refusal === undefined) next()
      else response.writeHead(refusal.status, refusal.headers).end(refusal.body)
    }, next)
  }
}

/** Handler for `/metrics`: the registry as OpenMetrics text. It shows routes and counts, no values; keep it inside your network all the same. */
export function metrics(hf: Pick<Holdfast, 'telemetry'>): ExpressHandler {
  return (_request, response) => {
    const { contentType, body } = metricsResponse(hf.telemetry)
    response.writeHead(200, { 'content-type': contentType }).end(body)
  }
}

/** Options of {@link instance}. */
export interface InstanceOptions {
  /** Bearer token that the console sends. Absent or empty: every request is refused with 404, so that a forgotten setting shows nothing. */
  readonly token: string | undefined
}

/** Handler that a console in another process reads once a second: measurements, statements (without literals) and health as JSON. */
export function instance(hf: Pick<Holdfast, 'snapshot'>, options: InstanceOptions): ExpressHandler {
  const expected = options.token ? Buffer.from(`Bearer ${options.token}`) : undefined
  return (request, response) => {
    if (expected === undefined) {
      response.writeHead(404).end()
      return
    }
    const given = Buffer.from(request.headers.authorization ?? '')
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      response.writeHead(401, { 'www-authenticate': 'Bearer' }).end()
      return
    }
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(hf.snapshot()))
  }
}

function routeOf(request: ExpressRequest): string | undefined {
  const path = request.route?.path
  if (path === undefined) return undefined
  return `${request.method} ${request.baseUrl ?? ''}${typeof path === 'string' ? path : String(path)}`
}
