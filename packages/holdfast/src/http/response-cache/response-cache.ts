import { createHash } from 'node:crypto'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { TieredCache } from '../../cache/index.ts'
import { type Clock, currentRequestScope, type Logger, silentLogger, systemClock } from '../../core/index.ts'
import type { Registry } from '../../telemetry/index.ts'
import { isRuled } from '../assets/asset-order.ts'
import { type CdnFields, tagsForCdn } from '../cdn-fields.ts'
import { EncodedBodies } from '../content-coding/encoded-bodies.ts'
import { httpErrors } from '../errors.ts'
import { createAnswerCounters } from './answer-counters.ts'
import { createCacheStore, KEY_PREFIX } from './cache-store.ts'
import { CacheEngine } from './engine.ts'
import type { EngineRequest } from './engine-contract.ts'
import { type FetchHandler, type FetchReply, handleFetch, linesOf } from './fetch-face.ts'
import { answerFromMemory, handleNode, isOwnRequest, type NodeFaceDeps, type NodeHandler } from './node-face.ts'
import type { NodeReply } from './node-reply.ts'
import { NodeTargets } from './node-targets.ts'
import { Representations } from './representation.ts'
import { targetOfUrl } from './resource-key.ts'
import type { CacheAnswer } from './respond.ts'
import { createRouting, isOfHost, type KeyForms, type PrepareOptions, type ResponseCacheOptions } from './routing.ts'

/** What a response cache works with. */
export interface ResponseCacheDeps {
  /** Where answers are kept. */
  readonly cache: TieredCache
  readonly registry: Registry
  readonly clock?: Clock
  readonly logger?: Logger
  /** CDNs in front of this cache: they are told of tags, and of URLs that are purged. */
  readonly cdn?: ResponseCacheCdn
}

/** What a response cache does for CDNs. */
export interface ResponseCacheCdn {
  readonly fields: CdnFields
  /** Their names. */
  readonly names: readonly string[]
  purgeUrl(url: string): Promise<unknown>
}

/** How one request of the Fetch API is answered. */
export interface FetchOptions {
  /** The URL that the client asked for, where a router has taken a part of it off. Default: that of the request. */
  readonly url?: URL
  /** The route that answered (`GET /leads/:id`), by which answers are counted; asked for when the handler has answered. Default: the path of the rule. */
  readonly routeOf?: () => string | undefined
  /** Rules for assets stand before the cache, by mistake: it is logged once. Default false. */
  readonly isRuledBefore?: boolean
}

/** A shared HTTP cache (RFC 9111) in front of handlers. It stores what answers allow to be shared, and nothing else. */
export interface ResponseCache {
  /** Answers from the cache, or from `handler`, which gets the request without the conditions and ranges that the cache answers itself. Rejects only with
   *  what `handler` rejects with. */
  fetch(request: Request, handler: FetchHandler, options?: FetchOptions): Promise<Response>
  /** The answer to a request of node when a fresh one is in this process, counted as a hit; else `undefined`, and nothing has happened. For frameworks of the
   *  Fetch API on node, before they make a `Request`. */
  peek(request: IncomingMessage): CacheAnswer | undefined
  /** Answers a request of node's `http` from the cache, or from the handler: a listener, as `createServer` takes it. The handler writes to `response` as ever; what
   *  it writes is held back until it is known whether it is stored. */
  node(request: IncomingMessage, response: ServerResponse, handler: NodeHandler | RequestListener): void
  /** Forgets the answers under this URL, all variants of it, here and at CDNs. Answers under way are not stored. Identities are apart: see `identity` of the rule. */
  purge(url: string | URL): Promise<void>
  /** Names of the CDNs that hear of it. */
  readonly cdns: readonly string[]
  /** Resolves when all that is being fetched anew in the background has come, or failed. */
  idle(): Promise<void>
}

/** Encodings held in this process; about 10,000 answers of 10 kB in one coding. */
const ENCODED_LIMIT_BYTES = 32 * 1024 * 1024

/** Makes a response cache. @throws HF_CONFIG_INVALID naming every bad option at once */
export function createResponseCache(options: ResponseCacheOptions, deps: ResponseCacheDeps): ResponseCache {
  const routing = createRouting(options, KEY_FORMS)
  const { clock = systemClock, logger = silentLogger } = deps
  const toCdn = deps.cdn && tagsForCdn(deps.cdn.fields, deps.registry)
  const counters = createAnswerCounters(deps.registry)
  const engine = new CacheEngine<FetchReply | NodeReply>({
    clock,
    store: createCacheStore(deps.cache, logger),
    representations: new Representations(new EncodedBodies(ENCODED_LIMIT_BYTES, deps.registry), toCdn),
    toCdn,
    onOutcome: (outcome, { route, routeOf }, stored) => {
      counters.count((stored === undefined ? routeOf?.() : stored.route) ?? route, outcome)
      // A router that was not asked cannot tell the route of this request to those who measure it.
      const scope = stored?.route === undefined ? undefined : currentRequestScope()
      if (scope !== undefined) scope.route = stored?.route
    },
    onBackgroundError: error => logger.warn({ err: error }, 'response cache: a response could not be fetched anew'),
  })
  const nodeFace: NodeFaceDeps = {
    clock,
    onBroken: error => logger.warn({ err: error }, 'response cache: a request got no whole answer'),
  }
  let isWarned = false
  const warnOfOrder = (): void => {
    if (isWarned) return
    isWarned = true
    const error = httpErrors.create('HF_HTTP_ASSETS_ORDER', 'rules for assets stand before the response cache, so it stores nothing by them')
    logger.warn({ err: error }, `response cache: ${error.message}`)
  }
  const onAround = counters.countAround
  const targets = new NodeTargets()
  const prepareNode = (
    request: IncomingMessage,
    routeOf?: () => string | undefined,
    around?: PrepareOptions['onAround'],
  ): EngineRequest | undefined => {
    // Answers of HTTP/2 are written in another way.
    const known = isOwnRequest(request) || request.httpVersionMajor > 1 ? undefined : targets.of(request)
    if (known === undefined) return undefined
    return routing.prepare(request.method ?? 'GET', known.target, request.rawHeaders, { routeOf, onAround: around, place: known.place })
  }

  return {
    fetch: async (request, handler, { url = new URL(request.url), routeOf, isRuledBefore = false } = {}) => {
      if (isRuledBefore) warnOfOrder()
      const prepared = isOfHost(request.headers.get('host'), url)
        ? routing.prepare(request.method, targetOfUrl(url), linesOf(request.headers), { routeOf, onAround })
        : undefined
      return prepared === undefined ? handler(request, false) : handleFetch(engine as CacheEngine<FetchReply>, prepared, request, handler)
    },
    peek: request => {
      // Not counted here: where nothing is found, `fetch` is asked for the same request.
      const prepared = prepareNode(request)
      return prepared && engine.peek(prepared)
    },
    node: (request, response, handler) => {
      const isListener = typeof handler === 'function'
      const prepared = prepareNode(request, isListener ? undefined : handler.routeOf, onAround)
      if (prepared !== undefined && answerFromMemory(engine as CacheEngine<NodeReply>, prepared, response)) return
      if (isRuled(response)) warnOfOrder()
      const steps = isListener ? { run: () => handler(request, response), rerun: handler } : handler
      if (prepared === undefined) steps.run()
      else void handleNode(engine as CacheEngine<NodeReply>, prepared, request, response, steps, nodeFace)
    },
    cdns: deps.cdn?.names ?? [],
    idle: () => engine.idle(),
    purge: async text => {
      const url = new URL(text)
      // After ours: the CDN would fetch the old answer again.
      await engine.purge(routing.keyOf(url))
      await deps.cdn?.purgeUrl(url.href)
    },
  }
}

/** Longer keys are shortened to a hash. Leaves room for what the data cache adds. */
const LONGEST_KEY = 900

const KEY_FORMS: KeyForms = {
  fit: key => KEY_PREFIX + (key.length > LONGEST_KEY ? `${key.slice(0, 200)}#${hashed(key)}` : key),
  // An identity may be a secret, such as a session's id; keys are shown by the console and the command line.
  partition: identity => `${hashed(identity).slice(0, 22)} `,
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('base64url')
}
