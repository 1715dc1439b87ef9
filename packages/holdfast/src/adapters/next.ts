import type { RateLimiter } from '../http/index.ts'
import { checkLimit, type LimitOptions } from './limit-request.ts'
import type { HoldfastSource } from './next-entries.ts'
import { isBuilding } from './next-entries.ts'

export type { LimitOptions } from './limit-request.ts'
export type { HoldfastSource, NextCacheOptions } from './next-entries.ts'
export { type FunctionCacheEntry, type FunctionCacheHandler, functionCache } from './next-function-cache.ts'
export {
  type IncrementalCacheContext,
  type IncrementalCacheHandler,
  type IncrementalEntry,
  type IncrementalGetContext,
  type IncrementalSetContext,
  incrementalCache,
} from './next-incremental-cache.ts'

/** A route handler of Next.js: what a route.ts exports as `GET`, `POST` and so on. */
export type RouteHandler<Asked extends Request, Context> = (request: Asked, context: Context) => Response | Promise<Response>

/** Puts a response cache in front of a route handler: hits are answered without running it. Wrap the handlers of unsafe methods too, so that they forget what they
 *  changed. A handler of GET sees the URL with the host that the client asked for, where Next.js would give its own. While Next.js builds, the handler runs. */
export function responseCache<Asked extends Request, Context>(
  open: HoldfastSource<'responses'>,
  handler: RouteHandler<Asked, Context>,
): (request: Asked, context: Context) => Promise<Response> {
  return async (request, context) => {
    // Read before anything else: a route that reads its request is not rendered in the build.
    const { headers } = request
    const url = publicUrl(request, headers.get('host'))
    if (isBuilding() || url === undefined) return handler(request, context)
    const { responses } = await open()
    if (request.method !== 'GET' && request.method !== 'HEAD') return responses.fetch(request, again => handler(again as Asked, context), { url })
    const asked = new Request(url, { method: request.method, headers: withoutOwn(headers, new URL(request.url)) })
    return responses.fetch(asked, again => handler(likeFirst(request, again), context))
  }
}

/** Refuses requests beyond a limit with 429 and `application/problem+json` before a route handler runs; all answers say in RateLimit fields what is left. Put it around
 *  {@link responseCache}, so that hits count too. Next.js does not say who is connected, and anybody can write `X-Forwarded-For`: give an `identity`, or say
 *  with `trustedHops` how many proxies of yours write it; otherwise all requests count as one. */
export function rateLimit<Asked extends Request, Context>(
  openLimiter: () => RateLimiter | Promise<RateLimiter>,
  handler: RouteHandler<Asked, Context>,
  options: LimitOptions<Asked> = {},
): (request: Asked, context: Context) => Promise<Response> {
  return async (request, context) => {
    const forwardedFor = request.headers.get('x-forwarded-for') ?? undefined
    if (isBuilding()) return handler(request, context)
    const { fields, refusal } = await checkLimit(await openLimiter(), options, request, () => ({ peer: undefined, forwardedFor }))
    const answer = refusal === undefined ? await handler(request, context) : new Response(refusal.body, refusal)
    // Of an answer that was fetched elsewhere the fields cannot be changed.
    const limited = new Response(answer.body, answer)
    for (const [name, value] of fields) limited.headers.set(name, value)
    return limited
  }
}

/** The URL as the client wrote it: Next.js has its own host and port in that of a request. */
function publicUrl({ url }: Request, host: string | null): URL | undefined {
  const { protocol, pathname, search } = new URL(url)
  const text = `${protocol}//${host}`
  // A Host field with more in it than a host would make another URL.
  if (host === null || !URL.canParse(text) || new URL(text).href !== `${text.toLowerCase()}/`) return undefined
  return new URL(`${text}${pathname}${search}`)
}

/** The request without the forwarding fields that Next.js has put there itself, which say what the URL says already; those of a proxy or a client differ, and stay.
 *  And without the wish for a coding: Next.js 16 takes `Content-Encoding` off what a route handler answers (`send-response.js`) and compresses by itself. */
function withoutOwn(headers: Headers, { protocol, port }: URL): Headers {
  const left = new Headers(headers)
  left.delete('accept-encoding')
  const scheme = protocol.slice(0, -1)
  const own: Record<string, string | null> = {
    'x-forwarded-host': headers.get('host'),
    'x-forwarded-proto': scheme,
    'x-forwarded-port': port || (scheme === 'https' ? '443' : '80'),
  }
  for (const [name, value] of Object.entries(own)) if (left.get(name) === value) left.delete(name)
  return left
}

/** The handler is written for a `NextRequest`. */
function likeFirst<Asked extends Request>(first: Asked, again: Request): Asked {
  return Reflect.construct(first.constructor, [again]) as Asked
}
