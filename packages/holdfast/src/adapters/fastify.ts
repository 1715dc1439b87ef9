import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http'
import { type AssetOptions, compressNode, createAssetPolicy, createCompressor, type RateLimiter, type ResponseCache } from '../http/index.ts'
import type { Holdfast } from '../runtime/index.ts'
import { checkLimit, type LimitOptions, originOf } from './limit-request.ts'
import { applyAssets } from './node-assets.ts'
import { observeResponse } from './observe-response.ts'

export type { LimitOptions }

/** The part of a Fastify 5 request read here. */
export interface FastifyRequestLike {
  readonly raw: object
  readonly method: string
  readonly routeOptions: { readonly url?: string | undefined }
}

/** The part of a Fastify 5 reply used here. */
export interface FastifyReplyLike {
  readonly raw: object
  getHeaders(): Record<string, unknown>
  headers(values: Record<string, string>): unknown
  code(status: number): { send(body: string): unknown }
}

/** The part of a Fastify 5 instance used here. */
export interface FastifyLike {
  addHook(name: 'onRequest', hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: (error?: Error) => void) => void): unknown
  routing(request: IncomingMessage, response: ServerResponse): void
}

/** A plugin whose hooks hold for the instance that it is registered on, as if by `fastify-plugin`. */
export type FastifyPlugin = (instance: FastifyLike, options: object, done: () => void) => void

/** Plugin that measures every request and says in `Server-Timing` where its time went (pool, PostgreSQL, Redis, app). Register it first. Routes are counted
 *  by their pattern; what no route matched counts as one. */
export function fastify(hf: Pick<Holdfast, 'requests'>): FastifyPlugin {
  return plugin(instance => {
    instance.addHook('onRequest', ({ method, routeOptions, raw: _ }, { raw }, done) => {
      observeResponse(hf.requests, raw as ServerResponse, () => routeOf(method, routeOptions.url), done)
    })
  })
}

/** Plugin that answers GET and HEAD from a response cache and forgets what unsafe requests change. Register it after {@link fastify} and before everything
 *  whose answers it may store: it holds for the instance and all below it. What hooks before it set on the reply goes out with every answer; what hooks and
 *  handlers after it set is a part of the stored one. */
export function responseCache(cache: ResponseCache): FastifyPlugin {
  return plugin(instance => {
    instance.addHook('onRequest', (request, reply, done) => {
      const response = reply.raw as ServerResponse
      // Fastify keeps fields to itself until it sends, and an answer from the cache does not pass it.
      const headers = reply.getHeaders() as OutgoingHttpHeaders
      for (const name in headers) if (headers[name] !== undefined) response.setHeader(name, headers[name])
      cache.node(request.raw as IncomingMessage, response, {
        run: done,
        rerun: (again, held) => instance.routing(again, held),
        routeOf: () => routeOf(request.method, request.routeOptions.url),
      })
    })
  })
}

/** What is compressed. */
export interface CompressOptions {
  /** `false` for requests whose answer holds a secret beside something that the request can choose (BREACH): its size would tell of the secret. Default: all
   *  that gain by it. */
  readonly mayCompress?: (request: FastifyRequestLike) => boolean
}

/** Plugin that compresses answers of 1 kB and more on their way: Zstandard where node has it, Brotli, gzip. Register it before {@link responseCache}, whose
 *  stored encodings go out as they are. Leaves alone streams of events, parts, what is encoded already, and `no-transform`. */
export function compress(hf: Pick<Holdfast, 'telemetry'>, { mayCompress }: CompressOptions = {}): FastifyPlugin {
  const compressor = createCompressor(hf.telemetry)
  return plugin(instance => {
    instance.addHook('onRequest', (request, reply, done) => {
      if (mayCompress?.(request) ?? true) compressNode(request.raw as IncomingMessage, reply.raw as ServerResponse, compressor)
      done()
    })
  })
}

/** Plugin that refuses requests beyond a limit with 429 and `application/problem+json`. Every answer says in RateLimit fields what is left. Register it before
 *  {@link responseCache}, so that hits count too. */
export function rateLimit(limiter: RateLimiter, options: LimitOptions<FastifyRequestLike> = {}): FastifyPlugin {
  return plugin(instance => {
    instance.addHook('onRequest', (request, reply, done) => {
      checkLimit(limiter, options, request, () => originOf(request.raw as IncomingMessage)).then(({ fields, refusal }) => {
        reply.headers({ ...Object.fromEntries(fields), ...refusal?.headers })
        if (refusal === undefined) done()
        else reply.code(refusal.status).send(refusal.body)
      }, done)
    })
  })
}

function routeOf(method: string, pattern: string | undefined): string | undefined {
  return pattern === undefined ? undefined : `${method} ${pattern}`
}

/** Plugin that says by rules how long browsers and CDNs keep files. Register it before `@fastify/static` and after {@link responseCache},
 *  which must see what it says: the rules win, but `private`, `no-store` and errors stay as they are.
 *  @throws HF_CONFIG_INVALID naming every bad rule at once */
export function assets(options: AssetOptions): FastifyPlugin {
  const policy = createAssetPolicy(options)
  return plugin(instance => {
    instance.addHook('onRequest', (request, reply, done) => {
      const raw = request.raw as IncomingMessage
      applyAssets(policy, raw, reply.raw as ServerResponse, raw.url ?? '').then(() => done(), done)
    })
  })
}

function plugin(mount: (instance: FastifyLike) => void): FastifyPlugin {
  const mounted: FastifyPlugin = (instance, _options, done) => {
    mount(instance)
    done()
  }
  // What fastify-plugin sets: without it the hooks would hold for nobody but the plugin itself.
  return Object.assign(mounted, { [Symbol.for('skip-override')]: true })
}
