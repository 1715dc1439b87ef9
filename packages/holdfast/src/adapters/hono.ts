import type { IncomingMessage } from 'node:http'
import {
  type AssetOptions,
  type CacheAnswer,
  compressResponse,
  createAssetPolicy,
  createCompressor,
  isRuled,
  markRuled,
  type RateLimiter,
  type ResponseCache,
} from '../http/index.ts'
import type { Holdfast } from '../runtime/index.ts'
import { checkLimit, type LimitOptions } from './limit-request.ts'

export type { LimitOptions }

/** The part of a Hono 4 context used here. */
export interface HonoContextLike {
  readonly req: { raw: Request; readonly routePath: string }
  header(name: string, value: string): void
  /** On node, `incoming` is the request of `node:http`. */
  readonly env: unknown
  get res(): Response
  set res(response: Response | undefined)
}

/** Middleware of Hono 4, typed by the part of it that it uses. */
export type HonoMiddleware = (context: HonoContextLike, next: () => Promise<void>) => Promise<Response | undefined>

/** The part of a Hono 4 application used to run a request anew in the background. */
export interface HonoAppLike {
  fetch(request: Request, env?: unknown): Response | Promise<Response>
}

/** Requests that the cache makes itself: they go to the handler. On node they are known by their environment. */
const own = new WeakSet<Request>()
const ownEnvironments = new WeakSet<object>()

/** Middleware that answers GET and HEAD from a response cache and forgets what unsafe requests change. Mount it on the outermost application, `app`, before
 *  everything whose answers it may store; middleware before it sees the answer as it goes out. */
export function responseCache(cache: ResponseCache, app: HonoAppLike): HonoMiddleware {
  return async (context, next) => {
    const { env } = context
    const incoming = incomingOf(env)
    // The request of the framework is made when it is first looked at, and a hit needs none.
    const isOwn = (incoming !== undefined && ownEnvironments.has(env as object)) || (incoming === undefined && own.has(context.req.raw))
    // A target in absolute form names a host of its own, and the handler may go by the Host field.
    if (isOwn || (incoming !== undefined && !incoming.url?.startsWith('/'))) {
      await next()
      return undefined
    }
    const hit = incoming && cache.peek(incoming)
    if (hit !== undefined) return toResponse(hit)
    const asked = context.req.raw
    let route: string | undefined
    const response = await cache.fetch(
      asked,
      async (request, inBackground) => {
        if (inBackground) {
          own.add(request)
          return app.fetch(request, incoming && ownEnvironment(env as object))
        }
        context.req.raw = request
        await next()
        route = routeOf(asked.method, context)
        return context.res
      },
      { ...(incoming && urlOf(incoming, asked)), routeOf: () => route, isRuledBefore: isRuled(context) },
    )
    // Set over the handler's, Hono would add its fields to those of the answer.
    context.res = undefined
    context.res = response
    return undefined
  }
}

/** What is compressed. */
export interface CompressOptions {
  /** `false` for requests whose answer holds a secret beside something that the request can choose (BREACH): its size would tell of the secret. Default: all
   *  that gain by it. */
  readonly mayCompress?: (request: Request) => boolean
}

/** Middleware that compresses answers of 1 kB and more on their way, on node: Zstandard where it has it, Brotli, gzip. Mount it before {@link responseCache},
 *  whose stored encodings go out as they are. Leaves alone streams of events, parts, what is encoded already, and `no-transform`. */
export function compress(hf: Pick<Holdfast, 'telemetry'>, { mayCompress }: CompressOptions = {}): HonoMiddleware {
  const compressor = createCompressor(hf.telemetry)
  return async (context, next) => {
    const asked = context.req.raw
    await next()
    const { res } = context
    if (!(mayCompress?.(asked) ?? true)) return undefined
    const compressed = await compressResponse(asked, res, compressor)
    if (compressed !== res) {
      context.res = undefined
      context.res = compressed
    }
    return undefined
  }
}

/** Middleware that refuses requests beyond a limit with 429 and `application/problem+json`. Every answer says in RateLimit fields what is left. Mount it before
 *  {@link responseCache}, so that hits count too. Where the platform does not say a client's address (it does on node), all without an `identity` count as one, unless
 *  `trustedHops` proxies of yours name it. */
export function rateLimit(limiter: RateLimiter, options: LimitOptions<Request> = {}): HonoMiddleware {
  return async (context, next) => {
    const { raw } = context.req
    const { fields, refusal } = await checkLimit(limiter, options, raw, () => ({
      peer: incomingOf(context.env)?.socket.remoteAddress,
      forwardedFor: raw.headers.get('x-forwarded-for') ?? undefined,
    }))
    if (refusal !== undefined) return new Response(refusal.body, { status: refusal.status, headers: [...Object.entries(refusal.headers), ...fields] })
    await next()
    for (const [name, value] of fields) setField(context, name, value)
    return undefined
  }
}

/** Middleware that says by rules how long browsers and CDNs keep files. Mount it in front of `serveStatic` and after {@link responseCache}, which
 *  must see what it says: the rules win, but `private`, `no-store` and errors stay as they are.
 *  @throws HF_CONFIG_INVALID naming every bad rule at once */
export function assets(options: AssetOptions): HonoMiddleware {
  const policy = createAssetPolicy(options)
  return async (context, next) => {
    const { raw } = context.req
    const { pathname, search } = new URL(raw.url)
    const answer = await policy.answer(raw.method, pathname + search, raw.headers.get('accept') ?? undefined)
    if (answer?.accept !== undefined) {
      const headers = new Headers(raw.headers)
      headers.set('accept', answer.accept)
      context.req.raw = new Request(raw, { headers })
    }
    if (answer !== undefined) markRuled(context)
    await next()
    const { res } = context
    const fields = answer?.fields(res.status, name => res.headers.get(name) ?? undefined)
    if (fields !== undefined) for (const [name, value] of fields) res.headers.set(name, value)
    return undefined
  }
}

function setField(context: HonoContextLike, name: string, value: string): void {
  try {
    context.res.headers.set(name, value)
  } catch {
    // Fields of what was fetched elsewhere cannot be changed. Hono makes another answer of it, which costs a hit more than all else.
    context.header(name, value)
  }
}

/** The route that answered: what was dispatched last. Patterns that end in `*` are those of middleware, and say no route. */
function routeOf(method: string, { req: { routePath } }: HonoContextLike): string | undefined {
  return routePath.endsWith('*') ? undefined : `${method} ${routePath}`
}

function ownEnvironment(env: object): object {
  const copy = { ...env }
  ownEnvironments.add(copy)
  return copy
}

function incomingOf(env: unknown): IncomingMessage | undefined {
  const incoming = (env as { readonly incoming?: IncomingMessage } | undefined)?.incoming
  return Array.isArray(incoming?.rawHeaders) ? incoming : undefined
}

/** An application mounted into another one sees the rest of the URL only. */
function urlOf({ url = '' }: IncomingMessage, { url: seen }: Request): { url: URL } | undefined {
  // Not resolved against what was seen: `//other.host/` would name another origin.
  const whole = new URL(seen).origin + url
  return URL.canParse(whole) ? { url: new URL(whole) } : undefined
}

/** Fields as a plain record and the body as it is: `@hono/node-server` writes such an answer out without making a Response of it. */
function toResponse({ status, lines, body }: CacheAnswer): Response {
  return new Response((body ?? null) as Uint8Array<ArrayBuffer> | null, { status, headers: recordOf(lines) })
}

/** The lines of a hit are the same ones for a second. */
const records = new WeakMap<CacheAnswer['lines'], Readonly<Record<string, string>>>()

function recordOf(lines: CacheAnswer['lines']): Readonly<Record<string, string>> {
  const known = records.get(lines)
  if (known !== undefined) return known
  const values = new Map<string, string>()
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i]!.toLowerCase()
    const before = values.get(name)
    values.set(name, before === undefined ? lines[i + 1]! : `${before}, ${lines[i + 1]!}`)
  }
  // Without a prototype it would be a slow object, and node walks over it for every hit.
  const record = Object.fromEntries(values)
  records.set(lines, record)
  return record
}
