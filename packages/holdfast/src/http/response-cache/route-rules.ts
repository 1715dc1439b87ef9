import {
  type ConfigProblems,
  collectConfigProblems,
  type Duration,
  isTag,
  MAX_TAGS,
  parseDurationMs,
  parseSizeBytes,
  type Size,
} from '../../core/portable.ts'
import type { ImageFormat } from '../assets/image-choice.ts'
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
  /** Tags of the answers, beside those of the data that the handler reads from the cache and those that it names in `Cache-Tag`, `Surrogate-Key` or
   *  `Cache-Groups`. A function is asked for each request. Default none. */
  readonly tags?: readonly string[] | ((request: IdentityRequest) => readonly string[])
  /** Query parameters that do not change the answer. Never one that carries a credential or an identity. Default none. */
  readonly ignoreQuery?: readonly string[]
  /** Query parameters of which several spellings mean the same, each with the function that makes one of them; `canonical` of a field selection is one. The
   *  handler sees what was asked. Default none. */
  readonly canonicalQuery?: Readonly<Record<string, (value: string) => string>>
  /** Largest body stored; larger ones are passed on. Default `'1mb'`. */
  readonly maxBody?: Size
  /** Keep an answer of 1 kB and more also in the codings that requests wish (Zstandard, Brotli, gzip), each made once. `false` for routes whose answers hold a
   *  secret beside something that a request can choose (BREACH). Default true, and false with `identity`. */
  readonly compress?: boolean
  /** The path answers images in one of these formats, by Accept: requests are told apart by the best of them that they name and by nothing else of Accept, and the handler sees that one.
   *  Default: Accept as it comes. */
  readonly imageFormats?: readonly ImageFormat[]
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
  readonly path: string
  readonly pattern: RegExp
  readonly isCached: boolean
  readonly defaultLifetimeMs: number | undefined
  readonly staleWhileRevalidateMs: number
  readonly staleIfErrorMs: number
  readonly mayGuess: boolean
  readonly ignoresCookies: boolean
  readonly identity: RouteRule['identity']
  readonly tags: readonly string[]
  readonly tagsOf: ((request: IdentityRequest) => readonly string[]) | undefined
  readonly ignoredParameters: ReadonlySet<string>
  readonly canonicalParameters: ReadonlyMap<string, (value: string) => string>
  readonly maxBodyBytes: number
  readonly mayEncode: boolean
  readonly obeysRequests: boolean
  readonly imageFormats: readonly ImageFormat[]
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
  'canonicalQuery',
  'tags',
  'maxBody',
  'compress',
  'obeyRequests',
  'imageFormats',
])

/** Checks rules; the last one, for everything, is made of `defaults`. @throws HF_CONFIG_INVALID naming every problem at once */
export function resolveRules(rules: readonly RouteRule[], defaults: Omit<RouteRule, 'path'>): readonly ResolvedRule[] {
  const problems = collectConfigProblems()
  const resolved = [...rules, { ...defaults, path: '*' }].map((rule, i) =>
    resolveRule(rule, i < rules.length ? `http.rules[${i}]` : 'http', problems),
  )
  problems.throwIfAny('response cache options')
  return resolved
}

function resolveRule(rule: RouteRule, at: string, problems: ConfigProblems): ResolvedRule {
  for (const name of Object.keys(rule)) if (!KNOWN.has(name)) problems.add(`${at}.${name}`, `is not an option; known are ${[...KNOWN].join(', ')}`)
  if (typeof rule.path !== 'string' || !/^[/*]/.test(rule.path)) problems.add(`${at}.path`, 'must begin with / or be *')
  const durationMs = (name: 'ttl' | 'staleWhileRevalidate' | 'staleIfError'): number | undefined => {
    const text = rule[name]
    return text === undefined ? undefined : problems.attempt(`${at}.${name}`, () => parseDurationMs(text), 0)
  }
  const { maxBody = '1mb', cache = true, guessLifetime = false, ignoreCookies = false, obeyRequests = true, tags } = rule
  return {
    path: String(rule.path),
    pattern: patternOf(String(rule.path)),
    isCached: cache,
    defaultLifetimeMs: durationMs('ttl'),
    staleWhileRevalidateMs: durationMs('staleWhileRevalidate') ?? 0,
    staleIfErrorMs: durationMs('staleIfError') ?? 0,
    mayGuess: guessLifetime,
    ignoresCookies: ignoreCookies,
    identity: rule.identity,
    tags: typeof tags === 'function' ? [] : resolveTags(tags ?? [], `${at}.tags`, problems),
    tagsOf: typeof tags === 'function' ? tags : undefined,
    ignoredParameters: new Set(rule.ignoreQuery),
    canonicalParameters: new Map(Object.entries(rule.canonicalQuery ?? {})),
    maxBodyBytes: problems.attempt(`${at}.maxBody`, () => parseSizeBytes(maxBody), 1),
    mayEncode: rule.compress ?? rule.identity === undefined,
    obeysRequests: obeyRequests,
    imageFormats: rule.imageFormats ?? [],
  }
}

function resolveTags(tags: readonly string[], at: string, problems: ConfigProblems): readonly string[] {
  if (tags.length > MAX_TAGS) problems.add(at, `has ${tags.length}, and ${MAX_TAGS} is the most`)
  for (const tag of tags) if (!isTag(tag)) problems.add(at, `${JSON.stringify(tag)?.slice(0, 80)} is not a tag: a text of 1 to 255 bytes`)
  return [...new Set(tags)]
}

/** What a path with `*` matches. */
export function patternOf(path: string): RegExp {
  const escaped = path.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`, 's')
}
