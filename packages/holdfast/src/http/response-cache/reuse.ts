import { NO_REQUEST_CONTROL, type RequestControl, type ResponseControl } from './control.ts'
import type { StoredResponse } from './stored-response.ts'

/** What may be done with a stored response for one request (RFC 9111 4).
 *  - `fresh`: answer with it.
 *  - `stale`: answer with it, because it or the request allows that; `revalidate` in the background or not.
 *  - `validate`: ask the origin; `standIn` says when the stored one may be served all the same. */
export type Reuse =
  | { readonly kind: 'fresh' }
  | { readonly kind: 'stale'; readonly revalidate: boolean }
  | { readonly kind: 'validate'; readonly standIn: StandIn; readonly why: 'stale' | 'request' | 'no-cache' }

/** When a response that should be validated may be served although the origin did not confirm it: when the origin answers 5xx (RFC 5861 4), only when it
 *  cannot be reached at all (RFC 9111 4.2.4, disconnected), or never. */
export type StandIn = 'on-error' | 'when-disconnected' | 'never'

/** Staleness that a route allows besides what responses say (RFC 5861), in ms. */
export interface StalenessRules {
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  /** Serve what is stale and kept when the origin cannot be reached, and nothing forbids it. */
  readonly mayServeDisconnected: boolean
}

const FRESH: Reuse = { kind: 'fresh' }

/** Decides on reuse. `request` is `undefined` where requests have no say. */
export function decideReuse(stored: StoredResponse, request: RequestControl | undefined, rules: StalenessRules, nowMs: number): Reuse {
  const staleForMs = nowMs - stored.freshUntilMs
  // 4.2: fresh while the lifetime is greater than the age.
  if (staleForMs < 0 && !stored.control.noCache && (request === undefined || request === NO_REQUEST_CONTROL)) return FRESH
  const standIn = standInFor(stored.control, request, rules, staleForMs)
  if (stored.control.noCache) return { kind: 'validate', standIn, why: 'no-cache' }
  if (request?.noCache) return { kind: 'validate', standIn, why: 'request' }
  const ageMs = nowMs - stored.bornAtMs
  // An age is never less than 0, so 0 asks for validation.
  if (request?.maxAgeSec !== undefined && (request.maxAgeSec === 0 || ageMs > request.maxAgeSec * 1000)) {
    return { kind: 'validate', standIn, why: 'request' }
  }
  const minFreshMs = (request?.minFreshSec ?? 0) * 1000
  // 5.2.1.3: no less than the age and min-fresh together.
  if (staleForMs < 0 && staleForMs + minFreshMs <= 0) return FRESH
  if (staleForMs < 0) return { kind: 'validate', standIn, why: 'request' }
  const { control } = stored
  if (mustAsk(control)) return { kind: 'validate', standIn: 'never', why: 'stale' }
  if (staleForMs < allowedMs(control, control.staleWhileRevalidateSec, rules.staleWhileRevalidateMs)) return { kind: 'stale', revalidate: true }
  if (request?.maxStaleSec !== undefined && control.sMaxAgeSec === undefined && staleForMs <= request.maxStaleSec * 1000) {
    return { kind: 'stale', revalidate: false }
  }
  return { kind: 'validate', standIn, why: 'stale' }
}

/** RFC 9111 4.2.4, 5.2.2.2, 5.2.2.8: no cache may disregard these. */
function mustAsk(control: ResponseControl): boolean {
  return control.mustRevalidate || control.proxyRevalidate
}

/** How long past its freshness a response may be used. s-maxage forbids stale use (5.2.2.10) as far as the response does not allow it in the same breath:
 *  `s-maxage=60, stale-while-revalidate=30` is what origins write for caches like this one, and obeying only its first half would serve nobody. */
function allowedMs(control: ResponseControl, saidSec: number | undefined, ruleMs: number): number {
  const saidMs = (saidSec ?? 0) * 1000
  return control.sMaxAgeSec === undefined ? Math.max(saidMs, ruleMs) : saidMs
}

function standInFor(control: ResponseControl, request: RequestControl | undefined, rules: StalenessRules, staleForMs: number): StandIn {
  if (mustAsk(control) || control.noCache) return 'never'
  const wishedMs = (request?.staleIfErrorSec ?? 0) * 1000
  if (staleForMs < allowedMs(control, control.staleIfErrorSec, Math.max(rules.staleIfErrorMs, wishedMs))) return 'on-error'
  return control.sMaxAgeSec === undefined && rules.mayServeDisconnected ? 'when-disconnected' : 'never'
}
