import { collectConfigProblems } from '../../core/index.ts'
import { cdnErrors } from '../errors.ts'
import {
  type CallDeps,
  type CdnAnalytics,
  type CdnPeriod,
  type CdnProvider,
  inParts,
  type PlannedCall,
  type Purge,
  type PurgeLimit,
} from '../provider.ts'
import { callApi, parseAnswer } from './call-api.ts'
import { areFieldNames, FIELD_NAMES } from './field-names.ts'

/** How to reach a zone of Cloudflare. */
export interface CloudflareOptions {
  /** Zone ID. */
  readonly zone: string
  /** API token with Zone.Cache Purge, and Zone.Analytics Read for `analytics`. */
  readonly token: string
  /** Decides how fast may be purged. Default `free`, the slowest. */
  readonly plan?: 'free' | 'pro' | 'business' | 'enterprise'
  /** Request fields by which the zone tells answers of one URL apart, beside Accept-Encoding: those of its Cache Rule's "Vary" setting or cache key. Answers that vary by others are kept out
   *  of it. Default `Origin`, which is in the key unless a rule takes it out. @source developers.cloudflare.com/cache/concepts/vary and .../cache/how-to/cache-keys */
  readonly variesBy?: readonly string[]
  /** Name of this CDN in metrics and in the queue. Default `cloudflare`. */
  readonly name?: string
  /** Default `https://api.cloudflare.com/client/v4`. */
  readonly api?: string
}

/** Requests with tags or for everything, an account: bucket size and requests a second. URLs have limits of their own, a second, as a moving average.
 *  @source developers.cloudflare.com/cache/how-to/purge-cache, "Purge limits", July 2026 */
const PLANS = {
  free: { burst: 25, perSec: 5 / 60, urlsPerSec: 800, urlsPerRequest: 100 },
  pro: { burst: 25, perSec: 5, urlsPerSec: 1500, urlsPerRequest: 100 },
  business: { burst: 50, perSec: 10, urlsPerSec: 1500, urlsPerRequest: 100 },
  enterprise: { burst: 500, perSec: 50, urlsPerSec: 3000, urlsPerRequest: 500 },
} as const
/** Same page. */
const TAGS_PER_REQUEST = 100
/** "16 KB" for the field, about 1,000 tags. @source developers.cloudflare.com/cache/how-to/purge-cache/purge-by-tags */
const FIELD_BYTES = 16_384

/** Statuses of answers that the origin was not asked for, or only whether they still hold.
 *  @source developers.cloudflare.com/cache/concepts/cache-responses */
const CACHED: ReadonlySet<string> = new Set(['hit', 'stale', 'updating', 'revalidated'])

/** Data set, fields and the filter on visitors' own requests. How far back it reaches, and how long a period may be, depends on the plan; what is beyond is refused.
 *  @source developers.cloudflare.com/analytics/graphql-api/migration-guides/graphql-api-analytics, and .../limits: 300 queries in 5 minutes a user */
const ANALYTICS = `query ($zone: String!, $from: Time!, $to: Time!) { viewer { zones(filter: { zoneTag: $zone }) {
  httpRequestsAdaptiveGroups(limit: 1000, filter: { datetime_geq: $from, datetime_lt: $to, requestSource: "eyeball" }) {
    count sum { edgeResponseBytes } dimensions { cacheStatus } } } } }`

interface AnalyticsAnswer {
  readonly data?: { readonly viewer?: { readonly zones?: readonly { readonly httpRequestsAdaptiveGroups: readonly Group[] }[] } } | null
  readonly errors?: readonly { readonly message: string }[] | null
}

interface Group {
  readonly count: number
  readonly sum: { readonly edgeResponseBytes: number }
  readonly dimensions: { readonly cacheStatus: string }
}

/** A zone of Cloudflare. It removes what is purged; it has no soft purge. @throws HF_CONFIG_INVALID */
export function cloudflare(options: CloudflareOptions): CdnProvider {
  const { zone, token, plan = 'free', variesBy = ['Origin'], name = 'cloudflare', api = 'https://api.cloudflare.com/client/v4' } = options
  const problems = collectConfigProblems()
  if (!/^[\w-]{1,64}$/.test(zone)) problems.add('cloudflare.zone', 'must be the ID of a zone')
  if (typeof token !== 'string' || !/^[!-~]+$/.test(token)) problems.add('cloudflare.token', 'must be an API token')
  if (!Object.hasOwn(PLANS, plan)) problems.add('cloudflare.plan', `must be one of ${Object.keys(PLANS).join(', ')}`)
  if (!areFieldNames(variesBy)) problems.add('cloudflare.variesBy', FIELD_NAMES)
  problems.throwIfAny('cloudflare()')
  const limit = PLANS[plan]
  const tags: PurgeLimit = { perRequest: TAGS_PER_REQUEST, bucket: 'requests', counts: 'requests', burst: limit.burst, perSec: limit.perSec }
  const urlRequests = limit.urlsPerSec / limit.urlsPerRequest
  const limits = {
    tag: tags,
    all: { ...tags, perRequest: 1 },
    url: { perRequest: limit.urlsPerRequest, bucket: 'urls', counts: 'requests' as const, burst: Math.floor(urlRequests), perSec: urlRequests },
  }
  const send = (call: PlannedCall, deps: CallDeps): Promise<string> =>
    callApi({ ...call, provider: name, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, secrets: [token] }, deps)

  const plannedFor = (purge: Purge): readonly PlannedCall[] =>
    bodiesOf(purge, limits.url.perRequest).map(body => ({ method: 'POST', url: `${api}/zones/${zone}/purge_cache`, body: JSON.stringify(body) }))

  return {
    name,
    limits,
    isSoft: false,
    tagField: {
      name: 'Cache-Tag',
      separator: ',',
      maxBytes: FIELD_BYTES,
      maxTags: 1000,
      obeysTargeted: true,
      variesBy: variesBy.map(field => field.toLowerCase()),
    },
    plan: plannedFor,
    async purge(purge, deps = {}) {
      for (const call of plannedFor(purge)) {
        const answer = parseAnswer(name, await send(call, deps)) as { success?: boolean; errors?: readonly { message: string }[] }
        if (answer.success !== true) throw rejected(name, answer.errors)
      }
    },
    async analytics(period, deps = {}) {
      const { fromMs, toMs } = period
      const variables = { zone, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() }
      const text = await send({ method: 'POST', url: `${api}/graphql`, body: JSON.stringify({ query: ANALYTICS, variables }) }, deps)
      const answer = parseAnswer(name, text) as AnalyticsAnswer
      if (answer.errors?.length) throw rejected(name, answer.errors)
      return summed(name, period, answer.data?.viewer?.zones?.[0]?.httpRequestsAdaptiveGroups ?? [])
    },
  }
}

function bodiesOf(purge: Purge, urlsPerRequest: number): object[] {
  if (purge.kind === 'all') return [{ purge_everything: true }]
  if (purge.kind === 'tag') return inParts(purge.tags, TAGS_PER_REQUEST).map(tags => ({ tags }))
  return inParts(purge.urls, urlsPerRequest).map(files => ({ files }))
}

function rejected(name: string, errors: readonly { readonly message: string }[] = []): Error {
  const said = errors.map(error => error.message).join('; ')
  return cdnErrors.create('HF_HTTP_CDN_REJECTED', `${name} did not do it: ${said.slice(0, 300)}`, { context: { provider: name } })
}

function summed(provider: string, { fromMs, toMs }: CdnPeriod, groups: readonly Group[]): CdnAnalytics {
  let [requests, bytes, hits] = [0, 0, 0]
  for (const { count, sum, dimensions } of groups) {
    requests += count
    bytes += sum.edgeResponseBytes
    // The page writes them in capitals, the data set in small letters.
    if (CACHED.has(dimensions.cacheStatus.toLowerCase())) hits += count
  }
  return { provider, fromMs, toMs, requests, bytes, ...(requests === 0 ? {} : { hitRatio: hits / requests }) }
}
