import { systemClock } from '../core/portable.ts'
import { filterFields } from '../http/fields/fields.ts'
import { CacheEngine } from '../http/response-cache/engine.ts'
import type { EngineRequest } from '../http/response-cache/engine-contract.ts'
import { type FetchReply, handleFetch, linesOf } from '../http/response-cache/fetch-face.ts'
import { OWN_TARGET } from '../http/response-cache/own-target.ts'
import { Representations } from '../http/response-cache/representation.ts'
import { targetOfUrl } from '../http/response-cache/resource-key.ts'
import { createRouting, isOfHost, type Routing } from '../http/response-cache/routing.ts'
import { createEdgeStore } from './cache-api-store.ts'
import { answerPreflight, isPreflight, type ResolvedCors, setCors } from './cors.ts'
import { type EdgeOptions, type ResolvedEdge, resolveEdgeOptions } from './edge-options.ts'
import { EdgePoints } from './edge-points.ts'
import { createExchange } from './origin.ts'
import type { EdgeCacheLike, ExecutionContextLike } from './platform.ts'
import { PurgeEndpoint } from './purge-endpoint.ts'
import { PurgeMarks } from './purge-marks.ts'
import { KEY_FORMS } from './slots.ts'

/** A module worker. */
export interface EdgeWorker<Env> {
  fetch(request: Request, env: Env, ctx: ExecutionContextLike): Promise<Response>
}

/** Makes a Cloudflare Worker that is a shared HTTP cache (RFC 9111) in front of an origin. `optionsOf` is asked once in each isolate.
 *  @throws HF_CONFIG_INVALID with the first request, naming every bad option at once */
export function edgeWorker<Env>(optionsOf: (env: Env) => EdgeOptions): EdgeWorker<Env> {
  let edge: Edge | undefined
  return {
    fetch: (request, env, ctx) => {
      edge ??= new Edge(resolveEdgeOptions(optionsOf(env)))
      return edge.answer(request, ctx)
    },
  }
}

/** What an isolate holds: no answers, only what is under way. */
class Edge {
  readonly #options: ResolvedEdge
  readonly #routing: Routing
  readonly #engine: CacheEngine<FetchReply>
  readonly #purges: PurgeEndpoint | undefined
  readonly #points: EdgePoints

  constructor(options: ResolvedEdge) {
    this.#options = options
    this.#routing = createRouting(options.cacheOptions, KEY_FORMS)
    const marks = new PurgeMarks(openCache, options.marks, systemClock)
    const { logger } = options
    const points = new EdgePoints(options.metrics, systemClock, Math.random)
    this.#points = points
    const store = createEdgeStore({ openCache, marks, clock: systemClock, logger })
    const engine = new CacheEngine<FetchReply>({
      clock: systemClock,
      store,
      representations: new Representations(NO_ENCODINGS),
      onOutcome: (outcome, request) => points.outcome(outcome, request),
      onBackgroundError: error => logger.warn({ err: error }, 'edge worker: a response could not be fetched anew'),
    })
    this.#engine = engine
    this.#purges =
      options.purge &&
      new PurgeEndpoint({
        ...options.purge,
        clock: systemClock,
        openCache,
        onAnswered: (host, what) => points.purge(host, what),
        reach: options.marks === undefined ? 'data-center' : 'everywhere',
        keysOf: url => SCHEMES.map(scheme => this.#routing.keyOf(withScheme(url, scheme))),
        purge: (host, purged) => {
          if (purged !== 'everything') for (const key of purged.keys) engine.detach(key)
          return store.purge(host, purged)
        },
      })
  }

  async answer(incoming: Request, ctx: ExecutionContextLike): Promise<Response> {
    const url = new URL(incoming.url)
    if (this.#purges !== undefined && url.pathname === this.#options.purge?.path) return this.#purges.answer(incoming, url)
    const cors = this.#options.cors.find(({ pattern }) => pattern.test(url.pathname))
    if (cors !== undefined && isPreflight(incoming)) return answerPreflight(incoming, cors)
    // What the key is made of is what the origin sees.
    const request = incoming.url === url.href ? incoming : new Request(url.href, incoming)
    const answer = this.#serve(request, url, cors, ctx)
    // Others may wait for what this client no longer does.
    ctx.waitUntil(answer.catch(() => undefined))
    return outward(await answer, cors, incoming.headers.get('origin'))
  }

  async #serve(request: Request, url: URL, cors: ResolvedCors | undefined, ctx: ExecutionContextLike): Promise<Response> {
    const { origin, originTimeoutMs, logger } = this.#options
    const exchange = createExchange(origin, originTimeoutMs, systemClock)
    const lines = this.#seenLines(request, cors)
    const prepared = this.#prepare(request, url, lines)
    try {
      if (prepared === undefined) return await origin(request)
      const keepAlive = (work: Promise<unknown>): void => ctx.waitUntil(work)
      // What changes something may take its time: an upload, a report.
      const ask = isRead(request) ? (asked: Request) => exchange.ask(asIdentity(asked)) : origin
      const counted = this.#points.came({ ...prepared, keepAlive })
      return await handleFetch(this.#engine, counted, request, asked => ask(asked), exchange.toReply)
    } catch (error) {
      logger.warn({ err: error, host: url.host, path: url.pathname }, 'edge worker: the origin gave no answer')
      this.#points.failure(url.host, exchange.isLate ? 'late' : 'unreachable')
      return unreachable(exchange.isLate)
    }
  }

  /** As the engine takes it; `undefined` when the cache has no part in it. */
  #prepare(request: Request, url: URL, lines: string[]): EngineRequest | undefined {
    if (isOfHost(request.headers.get('host'), url)) {
      const onAround = (route: string, why: string): void => this.#points.around(url.host, route, why)
      return this.#routing.prepare(request.method, targetOfUrl(url), lines, { onAround })
    }
    this.#points.around(url.host, '', 'host')
    return undefined
  }

  /** The fields that the cache goes by. */
  #seenLines(request: Request, cors: ResolvedCors | undefined): string[] {
    const { isElsewhere } = this.#options
    const mayBeStored = isRead(request)
    return filterFields(linesOf(request.headers), name => {
      // Cloudflare encodes for its clients; here one answer serves all.
      if (name === 'accept-encoding') return !mayBeStored
      // Cloudflare's own word on the scheme, which is part of the key.
      if (name === 'x-forwarded-proto') return false
      if (name === 'x-forwarded-host') return !isElsewhere
      // Answered here, so that one answer serves the pages of all origins.
      return !(name === 'origin' && mayBeStored && cors !== undefined)
    })
  }
}

/** Apart from `caches.default`, in which Cloudflare keeps what it fetches. Opened for each use: it belongs to the request that opened it. */
function openCache(): Promise<EdgeCacheLike> {
  return caches.open('holdfast') as unknown as Promise<EdgeCacheLike>
}

/** Never asked: no route encodes. */
const NO_ENCODINGS = {
  of: (): never => {
    throw new TypeError('the edge does not encode')
  },
  make: async (): Promise<undefined> => undefined,
}

const SCHEMES = ['https:', 'http:'] as const

function withScheme(url: URL, scheme: (typeof SCHEMES)[number]): URL {
  const other = new URL(url)
  other.protocol = scheme
  return other
}

function isRead({ method }: Request): boolean {
  return method === 'GET' || method === 'HEAD'
}

/** Asks for the answer as it is: its length tells whether it is whole, and its tag is that of its bytes. */
function asIdentity(request: Request): Request {
  const asked = new Request(request)
  asked.headers.set('accept-encoding', 'identity')
  return asked
}

/** The answer as it leaves: without what is meant for this cache alone. */
function outward(answer: Response, cors: ResolvedCors | undefined, origin: string | null): Response {
  if (answer.status === 101 || (cors === undefined && !answer.headers.has(OWN_TARGET))) return answer
  const out = new Response(answer.body, answer)
  out.headers.delete(OWN_TARGET)
  if (cors !== undefined) setCors(out.headers, cors, origin)
  return out
}

function unreachable(isLate: boolean): Response {
  const [status, detail] = isLate ? [504, 'the origin did not answer in time'] : [502, 'the origin could not be reached']
  const headers = {
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'cache-status': `Holdfast; detail=origin-${isLate ? 'late' : 'unreachable'}`,
  }
  return new Response(JSON.stringify({ title: 'No answer from the origin', status, detail }), { status, headers })
}
