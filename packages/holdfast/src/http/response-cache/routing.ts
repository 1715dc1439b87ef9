import { plainAccept } from '../assets/image-choice.ts'
import { type FieldLines, fieldValue, withField } from '../fields/fields.ts'
import type { EngineRequest, RouteRules } from './engine-contract.ts'
import { OWN_TARGET } from './own-target.ts'
import { goesAround, TRAIT, traitsOf } from './request-traits.ts'
import { resourceKey, type Target, targetOf, targetOfUrl } from './resource-key.ts'
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

/** How a platform writes keys. */
export interface KeyForms {
  /** A key as the store takes it. Different keys stay different. */
  fit(key: string): string
  /** What sets apart the keys of an identity; ends where it cannot be confused with the origin that follows. */
  partition(identity: string): string
}

/** Why a request goes around the cache: it may mean another one, its rule says so, or the rule does not know whose it is. */
export type AroundReason = 'override' | 'rule' | 'identity'

/** What else is known or wished of a request. */
export interface PrepareOptions {
  /** The handler's route, once it has run. */
  readonly routeOf?: (() => string | undefined) | undefined
  /** The request goes around the cache. `route` is the path of its rule. */
  readonly onAround?: ((route: string, why: AroundReason) => void) | undefined
  /** Kept by the caller for the next request of the same target. */
  readonly place?: Place
}

/** What a target comes to by the rules, when it is looked up again. */
export interface Place {
  route?: Route
  key?: string
}

/** Turns requests into what the engine works on, by the rules of their routes. */
export interface Routing {
  /** `undefined`: the request goes around the cache. */
  prepare(method: string, wanted: Target, lines: FieldLines, options: PrepareOptions): EngineRequest | undefined
  /** The key of a URL that no identity has a part in. */
  keyOf(url: URL): string
}

/** A rule, and what the engine is told of it. */
export interface Route {
  readonly rule: ResolvedRule
  readonly engineRules: RouteRules
}

/** How long what is stale is kept to be confirmed by its validator or to stand in. */
const KEEP_STALE_MS = 86_400_000

/** Resolves the options. @throws HF_CONFIG_INVALID naming every bad option at once */
export function createRouting(options: ResponseCacheOptions, forms: KeyForms): Routing {
  const { rules = [], trustForwarded = false, serveDisconnected = true, ...defaults } = options
  const resolved = resolveRules(rules, defaults)
  const routes = resolved.map((rule): Route => ({ rule, engineRules: toEngineRules(rule, serveDisconnected) }))
  const routeOf = (path: string): Route => routes.find(({ rule }) => rule.pattern.test(path))!
  const keyIn = (target: Target, { ignoredParameters, canonicalParameters }: ResolvedRule, partition: string): string =>
    forms.fit(resourceKey(target, { ignoredParameters, canonicalParameters, partition }))
  const keyOf = (target: Target, partition: string): string => keyIn(target, routeOf(target.path).rule, partition)

  const table: RouteTable = { routeOf, keyIn, keyOf, partition: forms.partition, trustForwarded }
  return {
    prepare: (method, wanted, lines, prepareOptions) => prepare(table, method, wanted, lines, prepareOptions),
    keyOf: url => keyOf(targetOfUrl(url), ''),
  }
}

/** What a request is looked up in. */
interface RouteTable {
  routeOf(path: string): Route
  keyIn(target: Target, rule: ResolvedRule, partition: string): string
  keyOf(target: Target, partition: string): string
  readonly partition: KeyForms['partition']
  readonly trustForwarded: boolean
}

function prepare(table: RouteTable, method: string, wanted: Target, lines: FieldLines, options: PrepareOptions): EngineRequest | undefined {
  const { trustForwarded } = table
  const traits = traitsOf(lines)
  const isForwarded = (traits & TRAIT.forwarding) !== 0
  const target = isForwarded && trustForwarded ? forwardedTarget(wanted, lines) : wanted
  const place = target === wanted ? options.place : undefined
  const route = place?.route ?? table.routeOf(target.path)
  if (place !== undefined) place.route = route
  const { rule, engineRules } = route
  const around = aroundReason(method, traits, rule)
  if (around !== undefined) return options.onAround?.(rule.path, around) as undefined
  const asked = askRule(rule, target, lines)
  const isPartitioned = asked.identity !== undefined
  if (!isPartitioned && rule.identity !== undefined) return options.onAround?.(rule.path, 'identity') as undefined
  const partition = isPartitioned ? table.partition(asked.identity) : ''
  const key = (isPartitioned ? undefined : place?.key) ?? table.keyIn(target, rule, partition)
  if (place !== undefined && !isPartitioned) place.key = key
  const mayFill = trustForwarded || !isForwarded
  return {
    method,
    key,
    lines: withPlainAccept(lines, rule),
    traits,
    tags: asked.tags ?? rule.tags,
    route: rule.path,
    routeOf: options.routeOf,
    rules: mayFill && !isPartitioned ? engineRules : { ...engineRules, mayFill, isPartitioned },
    keyOf: other => keyOfSameOrigin(other, target, same => table.keyOf(same, partition)),
  }
}

function aroundReason(method: string, traits: number, rule: ResolvedRule): AroundReason | undefined {
  if (goesAround(method, traits)) return 'override'
  return rule.isCached ? undefined : 'rule'
}

/** False when the Host field names another host than the URL: whichever the handler goes by, the answer is not for the other one. */
export function isOfHost(host: string | null, url: URL): boolean {
  if (host === null || host === url.host) return true
  const named = `${url.protocol}//${host}`
  return URL.canParse(named) && new URL(named).href === `${url.origin}/`
}

/** One spelling for all wishes that lead to the same image. */
function withPlainAccept(lines: FieldLines, { imageFormats }: ResolvedRule): FieldLines {
  return imageFormats.length === 0 ? lines : withField(lines, 'Accept', plainAccept(fieldValue(lines, 'accept'), imageFormats))
}

interface Asked {
  readonly identity?: string | undefined
  readonly tags?: readonly string[] | undefined
}

const NOTHING_ASKED: Asked = {}

/** What the functions of a rule say of a request. */
function askRule(rule: ResolvedRule, target: Target, lines: FieldLines): Asked {
  if (rule.identity === undefined && rule.tagsOf === undefined) return NOTHING_ASKED
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
