import { type ConfigProblems, collectConfigProblems, type Duration, parseDurationMs } from '../../core/index.ts'
import type { RouteRule } from '../response-cache/route-rules.ts'
import { IMAGE_FORMATS, type ImageFormat } from './image-choice.ts'

/** How answers of some paths are kept by browsers and CDNs: data, of which the middleware makes fields and `assetRoutes` rules of the response cache. */
export interface AssetRule {
  /** Path that it is for; `*` stands for any characters, also `/`. Of several that match, the first counts. */
  readonly path: string
  /** How long a browser keeps it without asking; `'0s'`: asks each time; `'no-store'`: nobody keeps it. */
  readonly browser: Duration | 'no-store'
  /** How long CDNs and the response cache keep it; `'no-store'`: only the browser does. Default: as long as the browser. */
  readonly cdn?: Duration | 'no-store'
  /** How long after that it is served while it is fetched anew (RFC 5861 3). Default: not at all. */
  readonly stale?: Duration
  /** How long after that it is served when the origin fails (RFC 5861 4). Default: not at all. */
  readonly staleIfError?: Duration
  /** What is under the URL never changes (RFC 8246), so that browsers do not even ask on a reload. Default false. */
  readonly immutable?: boolean
  /** Any page may read it (`Access-Control-Allow-Origin: *`), as browsers want for fonts. Default false. */
  readonly cors?: boolean
  /** Formats in which an image of the path may be answered, best first. The handler sees one plain `Accept`, and the answer varies by it. Default: none. */
  readonly formats?: readonly ImageFormat[]
  /** Tags, for purging. Default: none. */
  readonly tags?: readonly string[]
}

/** A rule with what it says worked out. */
export interface ResolvedAssetRule {
  readonly pattern: RegExp
  readonly rule: AssetRule
  /** Value of Cache-Control. */
  readonly cacheControl: string
}

const KNOWN: ReadonlySet<string> = new Set(['path', 'browser', 'cdn', 'stale', 'staleIfError', 'immutable', 'cors', 'formats', 'tags'])

/** @throws HF_CONFIG_INVALID naming every problem at once */
export function resolveAssetRules(rules: readonly AssetRule[]): readonly ResolvedAssetRule[] {
  const problems = collectConfigProblems()
  const resolved = rules.map((rule, i) => {
    const at = `assets[${i}]`
    for (const name of Object.keys(rule)) if (!KNOWN.has(name)) problems.add(`${at}.${name}`, `is not an option; known are ${[...KNOWN].join(', ')}`)
    if (typeof rule.path !== 'string' || !/^[/*]/.test(rule.path)) problems.add(`${at}.path`, 'must begin with / or be *')
    for (const format of rule.formats ?? []) if (!IMAGE_FORMATS.includes(format)) problems.add(`${at}.formats`, `knows ${IMAGE_FORMATS.join(', ')}`)
    return { pattern: patternOf(String(rule.path)), rule, cacheControl: cacheControlOf(rule, at, problems) }
  })
  problems.throwIfAny('asset rules')
  return resolved
}

/** The same as rules of the response cache. @throws HF_CONFIG_INVALID */
export function assetRoutes(rules: readonly AssetRule[]): RouteRule[] {
  resolveAssetRules(rules)
  return rules.map(({ path, browser, cdn = browser, stale, staleIfError, tags, formats }) => {
    if (browser === 'no-store' || cdn === 'no-store') return { path, cache: false }
    return {
      ...{ path, ttl: cdn },
      ...(stale === undefined ? {} : { staleWhileRevalidate: stale }),
      ...(staleIfError === undefined ? {} : { staleIfError }),
      ...(tags === undefined ? {} : { tags }),
      ...(formats === undefined ? {} : { imageFormats: formats }),
    }
  })
}

function cacheControlOf({ browser, cdn = browser, stale, staleIfError, immutable = false }: AssetRule, at: string, problems: ConfigProblems): string {
  const seconds = (name: string, text: Duration): number => Math.floor(problems.attempt(`${at}.${name}`, () => parseDurationMs(text), 0) / 1000)
  if (browser === 'no-store') {
    if (cdn !== 'no-store') problems.add(`${at}.cdn`, 'must be no-store too: what no browser may keep, no CDN may')
    return 'private, no-store'
  }
  const maxAgeSec = seconds('browser', browser)
  if (immutable && maxAgeSec === 0) problems.add(`${at}.immutable`, 'needs a browser time of more than 0')
  const parts = cdn === 'no-store' ? ['private'] : ['public']
  parts.push(`max-age=${maxAgeSec}`)
  if (cdn !== 'no-store' && seconds('cdn', cdn) !== maxAgeSec) parts.push(`s-maxage=${seconds('cdn', cdn)}`)
  if (stale !== undefined) parts.push(`stale-while-revalidate=${seconds('stale', stale)}`)
  if (staleIfError !== undefined) parts.push(`stale-if-error=${seconds('staleIfError', staleIfError)}`)
  if (immutable) parts.push('immutable')
  return parts.join(', ')
}

function patternOf(path: string): RegExp {
  const escaped = path.split('*').map(part => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${escaped.join('.*')}$`, 's')
}
