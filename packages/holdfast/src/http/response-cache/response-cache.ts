import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TieredCache } from '../../cache/index.ts'
import { type Clock, type Logger, silentLogger, systemClock } from '../../core/index.ts'
import type { Counter, Registry } from '../../telemetry/index.ts'
import { EncodedBodies } from '../content-coding/encoded-bodies.ts'
import { type FieldLines, fieldValue } from '../fields/fields.ts'
import { createCacheStore } from './cache-store.ts'
import { CacheEngine } from './engine.ts'
import type { EngineRequest, RouteRules } from './engine-contract.ts'
import { type FetchHandler, type FetchReply, handleFetch, linesOf } from './fetch-face.ts'
import { answerFromMemory, handleNode, isOwnRequest, type NodeFaceDeps, type NodeHandler } from './node-face.ts'
import type { NodeReply } from './node-reply.ts'
import { OWN_TARGET } from './own-target.ts'
import { Representations } from './representation.ts'
import { goesAround, TRAIT, traitsOf } from './request-traits.ts'
import { resourceKey, type Target, targetOf, targetOfUrl } from './resource-key.ts'
import type { CacheAnswer, Outcome } from './respond.ts'
import { type ResolvedRule, type RouteRule, resolveRules } from './route-rules.ts'

/** Settings of a response cache. Those of {@link RouteRule} stand for all routes that no rule matches. */
export interface ResponseCacheOptions extends Omit<RouteRule, 'path'> {
  /** Rules by path; the first that matches counts. */
  readonly rules?: readonly RouteRule[]
  /** All requests come through a proxy that sets `X-Forwarded-Host` and `X-Forwarded-Proto` itself. Default false: a request that carries such a field
   *  may be answered from the cache and fills nothing. */
  readonly trustForwarded?: boolean
  /** Serve what is stale and still kept when the handler throws or the origin cannot be reached, unless the answer forbids it (RFC 9111 4.2.4).
   *  Default true. */
  readonly serveDisconnected?: boolean
}

/** What a response cache works with. */
export interface ResponseCacheDeps {
  /** Where answers are kept. */
  readonly cache: TieredCache
  readonly registry: Registry
  readonly clock?: Clock
  readonly logger?: Logger
}

/** How one request of the Fetch API is answered. */
export interface FetchOptions {
  /** The URL that the client asked for, where a router has taken a part of it off. Default: that of the request. */
  readonly url?: URL
}

/** A shared HTTP cache (RFC 9111) in front of handlers. It stores what answers allow to be shared, and nothing else. */
export interface ResponseCache {
  /** Answers from the cache, or from `handler`, which gets the request without the conditions and ranges that the cache answers itself. Rejects only with
   *  what `handler` rejects with. */
  fetch(request: Request, handler: FetchHandler, options?: FetchOptions): Promise<Response>
  /** The answer to a request of node when a fresh one is in this process, counted as a hit; else `undefined`, and nothing has happened. For frameworks of the
   *  Fetch API on node, before they make a `Request`. */
  peek(request: IncomingMessage): CacheAnswer | undefined
  /** Answers a request of node's `http` from the cache, or from the handler. The handler writes to `response` as ever; what it writes is held back until it is
   *  known whether it is stored. */
  node(request: IncomingMessage, response: ServerResponse, handler: NodeHandler): void
  /** Forgets the answers under this URL, all variants of it. Answers under way are not stored. Identities are apart: see `identity` of the rule. */
  purge(url: string | URL): Promise<void>
  /** Resolves when all that is being fetched anew in the background has come, or failed. */
  idle(): Promise<void>
}

/** How long what is stale is kept to be confirmed by its validator or to stand in. */
const KEEP_STALE_MS = 86_400_000
/** Encodings held in this process; about 10,000 answers of 10 kB in one coding. */
const ENCODED_LIMIT_BYTES = 32 * 1024 * 1024

/** Makes a response cache. @throws HF_CONFIG_INVALID naming every bad option at once */
export function createResponseCache(options: ResponseCacheOptions, deps: ResponseCacheDeps): ResponseCache {
  const { rules = [], trustForwarded = false, serveDisconnected = true, ...defaults } = options
  const resolved = resolveRules(rules, defaults)
  const { clock = systemClock, logger = silentLogger } = deps
  const count = countOutcomes(deps.registry)
  const engine = new CacheEngine<FetchReply | NodeReply>({
    clock,
    store: createCacheStore(deps.cache, logger),
    representations: new Representations(new EncodedBodies(ENCODED_LIMIT_BYTES, deps.registry)),
    onOutcome: count,
    onBackgroundError: error => logger.warn({ err: error }, 'response cache: a response could not be fetched anew'),
  })
  const nodeFace: NodeFaceDeps = {
    clock,
    onBroken: error => logger.warn({ err: error }, 'response cache: a request got no whole answer'),
  }
  const routes = resolved.map(rule => ({ rule, engineRules: toEngineRules(rule, serveDisconnected) }))
  const routeOf = (path: string): (typeof routes)[number] => routes.find(({ rule }) => rule.pattern.test(path))!
  const keyOf = (target: Target, partition: string): string =>
    resourceKey(target, { ignoredParameters: routeOf(target.path).rule.ignoredParameters, partition })

  const prepare = (method: string, wanted: Target, lines: FieldLines): EngineRequest | undefined => {
    const traits = traitsOf(lines)
    if (goesAround(method, traits)) return undefined
    const isForwarded = (traits & TRAIT.forwarding) !== 0
    const target = isForwarded && trustForwarded ? forwardedTarget(wanted, lines) : wanted
    const { rule, engineRules } = routeOf(target.path)
    if (!rule.isCached) return undefined
    const asked = rule.identity === undefined && rule.tagsOf === undefined ? NOTHING_ASKED : askRule(rule, target, lines)
    if (rule.identity !== undefined && asked.identity === undefined) return undefined
    const isPartitioned = asked.identity !== undefined
    const partition = isPartitioned ? `${hashed(asked.identity)} ` : ''
    const mayFill = trustForwarded || !isForwarded
    return {
      method,
      key: resourceKey(target, { ignoredParameters: rule.ignoredParameters, partition }),
      lines,
      traits,
      tags: asked.tags ?? rule.tags,
      rules: mayFill && !isPartitioned ? engineRules : { ...engineRules, mayFill, isPartitioned },
      keyOf: other => keyOfSameOrigin(other, target, same => keyOf(same, partition)),
    }
  }

  const prepareNode = (request: IncomingMessage): EngineRequest | undefined => {
    // Answers of HTTP/2 are written in another way.
    const target = isOwnRequest(request) || request.httpVersionMajor > 1 ? undefined : nodeTarget(request)
    return target && prepare(request.method ?? 'GET', target, request.rawHeaders)
  }

  return {
    fetch: async (request, handler, { url = new URL(request.url) } = {}) => {
      const prepared = isOfHost(request.headers.get('host'), url) ? prepare(request.method, targetOfUrl(url), linesOf(request.headers)) : undefined
      return prepared === undefined ? handler(request, false) : handleFetch(engine as CacheEngine<FetchReply>, prepared, request, handler)
    },
    peek: request => {
      const prepared = prepareNode(request)
      return prepared && engine.peek(prepared)
    },
    node: (request, response, handler) => {
      const prepared = prepareNode(request)
      if (prepared === undefined) handler.run()
      else if (!answerFromMemory(engine as CacheEngine<NodeReply>, prepared, response)) {
        void handleNode(engine as CacheEngine<NodeReply>, prepared, request, response, handler, nodeFace)
      }
    },
    idle: () => engine.idle(),
    purge: text => engine.purge(keyOf(targetOfUrl(new URL(text)), '')),
  }
}

interface Asked {
  readonly identity?: string | undefined
  readonly tags?: readonly string[] | undefined
}

const NOTHING_ASKED: Asked = {}

/** What the functions of a rule say of a request. */
function askRule(rule: ResolvedRule, target: Target, lines: FieldLines): Asked {
  const url = urlOf(target)
  return url === undefined ? NOTHING_ASKED : { identity: rule.identity?.({ url, lines }), tags: rule.tagsOf?.({ url, lines }) }
}

function toEngineRules(rule: ResolvedRule, mayServeDisconnected: boolean): RouteRules {
  return {
    ...rule,
    targets: [OWN_TARGET, 'cdn-cache-control'],
    mayServeDisconnected,
    isPartitioned: false,
    mayFill: true,
    keepStaleMs: KEEP_STALE_MS,
  }
}

/** RFC 9111 4.4: only URLs of the same origin are invalidated by what an answer says. */
function keyOfSameOrigin(text: string, base: Target, keyOf: (target: Target) => string): string | undefined {
  const from = urlOf(base)?.href
  const url = from !== undefined && URL.canParse(text, from) ? new URL(text, from) : undefined
  return url?.origin === base.origin ? keyOf(targetOfUrl(url)) : undefined
}

/** False when the Host field names another host than the URL: whichever the handler goes by, the answer is not for the other one. */
function isOfHost(host: string | null, url: URL): boolean {
  if (host === null || host === url.host) return true
  const named = `${url.protocol}//${host}`
  return URL.canParse(named) && new URL(named).href === `${url.origin}/`
}

/** The target of a request of node: as it came, before a router took its part off. */
function nodeTarget(request: IncomingMessage & { readonly originalUrl?: string }): Target | undefined {
  return targetOf('encrypted' in request.socket ? 'https' : 'http', request.headers.host, request.originalUrl ?? request.url ?? '')
}

function urlOf({ origin, path, query }: Target): URL | undefined {
  const text = `${origin}${path}${query === '' ? '' : `?${query}`}`
  return URL.canParse(text) ? new URL(text) : undefined
}

/** What the client asked for, as the trusted proxy says. */
function forwardedTarget(target: Target, lines: FieldLines): Target {
  const first = (name: string): string | undefined => fieldValue(lines, name)?.split(',')[0]?.trim()
  const [scheme, host] = target.origin.split('://')
  const proto = first('x-forwarded-proto')?.toLowerCase() ?? scheme
  const named = first('x-forwarded-host') ?? host
  const origin = proto === 'http' || proto === 'https' ? targetOf(proto, named, '/')?.origin : undefined
  return { ...target, origin: origin ?? target.origin }
}

/** An identity may be a secret, such as a session's id; keys are shown by the console and the command line. */
function hashed(identity: string): string {
  return createHash('sha256').update(identity).digest('base64url').slice(0, 22)
}

function countOutcomes(registry: Registry): (outcome: Outcome) => void {
  const answers = registry.counter({
    name: 'holdfast_http_cache_answers',
    help: 'Answers of the response cache, by how they came about.',
    labels: ['outcome'],
  })
  const bound = new Map<string, Counter>()
  return outcome => {
    const name = outcome.kind === 'forward' ? outcome.why : outcome.kind === 'hit' && outcome.ttlSec < 0 ? 'stale-hit' : outcome.kind
    let counter = bound.get(name)
    if (counter === undefined) {
      counter = answers.bind(name)
      bound.set(name, counter)
    }
    counter.add()
  }
}
