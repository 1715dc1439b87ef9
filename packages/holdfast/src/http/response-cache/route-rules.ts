import { collectConfigProblems, type Duration, parseDurationMs, parseSizeBytes, type Size } from '../../core/index.ts'
import type { FieldLines } from '../fields/fields.ts'

/** How answers of some routes are cached. Everything left out is as RFC 9111 has it. */
export interface RouteRule {
  /** Path that it is for; `*` stands for any characters, also `/`. Of several that match, the first counts. */
  readonly path: string
  /** `false`: neither read from nor written to the cache. Default true. */
  readonly cache?: boolean
  /** How long a 200 that says nothing about its freshness is fresh. Default: it is not stored. */
  readonly ttl?: Duration
  /** How long after that it is served while it is fetched anew (RFC 5861 3). Default: what the answer says. */
  readonly staleWhileRevalidate?: Duration
  /** How long after that it is served when the handler fails or answers 500, 502, 503 or 504 (RFC 5861 4). Default: what the answer says. */
  readonly staleIfError?: Duration
  /** Guess a lifetime from Last-Modified for answers that say none (RFC 9111 4.2.2). Default false. */
  readonly guessLifetime?: boolean
  /** Share answers between requests with different cookies, also when they do not say `public` or `s-maxage`. Only for routes that never look at cookies.
   *  Default false. */
  readonly ignoreCookies?: boolean
  /** Keep answers apart by who asks. Requests for which it returns `undefined` are not cached. Then `private` answers are stored too. */
  readonly identity?: (request: IdentityRequest) => string | undefined
  /** Query parameters that do not change the answer. Never one that carries a credential or an identity. Default none. */
  readonly ignoreQuery?: readonly string[]
  /** Largest body stored; larger ones are passed on. Default `'1mb'`. */
  readonly maxBody?: Size
  /** Whether `Cache-Control` of requests is obeyed (RFC 9111 5.2.1). A client can then make the handler run. Default true. */
  readonly obeyRequests?: boolean
}

/** What an identity may be read from. */
export interface IdentityRequest {
  readonly url: URL
  readonly lines: FieldLines
}

/** A rule with everything in base units. */
export interface ResolvedRule {
  readonly pattern: RegExp
  readonly isCached: boolean
  readonly defaultLifetimeMs: number | undefined
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  readonly mayGuess: boolean
  readonly ignoresCookies: boolean
  readonly identity: RouteRule['identity']
  readonly ignoredParameters: ReadonlySet<string>
  readonly maxBodyBytes: number
  readonly obeysRequests: boolean
}

const KNOWN: ReadonlySet<string> = new Set([
  'path',
  'cache',
  'ttl',
  'staleWhileRevalidate',
  'staleIfError',
  'guessLifetime',
  'ignoreCookies',
  'identity',
  'ignoreQuery',
  'maxBody',
  'obeyRequests',
])

/** Checks rules; the last one, for everything, is made of `defaults`. @throws HF_CONFIG_INVALID naming every problem at once */
export function resolveRules(rules: readonly RouteRule[], defaults: Omit<RouteRule, 'path'>): readonly ResolvedRule[] {
  const problems = collectConfigProblems()
  const durationMs = (path: string, text: Duration | undefined): number | undefined =>
    text === undefined ? undefined : problems.attempt(path, () => parseDurationMs(text), 0)
  const resolved = [...rules, { ...defaults, path: '*' }].map((rule, i): ResolvedRule => {
    const at = i < rules.length ? `http.rules[${i}]` : 'http'
    for (const name of Object.keys(rule)) if (!KNOWN.has(name)) problems.add(`${at}.${name}`, `is not an option; known are ${[...KNOWN].join(', ')}`)
    if (typeof rule.path !== 'string' || !/^[/*]/.test(rule.path)) problems.add(`${at}.path`, 'must begin with / or be *')
    const { maxBody = '1mb' } = rule
    return {
      pattern: patternOf(String(rule.path)),
      isCached: rule.cache ?? true,
      defaultLifetimeMs: durationMs(`${at}.ttl`, rule.ttl),
      staleWhileRevalidateMs: durationMs(`${at}.staleWhileRevalidate`, rule.staleWhileRevalidate) ?? 0,
      staleIfErrorMs: durationMs(`${at}.staleIfError`, rule.staleIfError) ?? 0,
      mayGuess: rule.guessLifetime ?? false,
      ignoresCookies: rule.ignoreCookies ?? false,
      identity: rule.identity,
      ignoredParameters: new Set(rule.ignoreQuery),
      maxBodyBytes: problems.attempt(`${at}.maxBody`, () => parseSizeBytes(maxBody), 1),
      obeysRequests: rule.obeyRequests ?? true,
    }
  })
  problems.throwIfAny('response cache options')
  return resolved
}

function patternOf(path: string): RegExp {
  const escaped = path.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`, 's')
}
