import { collectConfigProblems } from '../../core/index.ts'
import { type CdnProvider, inParts, type PlannedCall, type Purge } from '../provider.ts'
import { callApi, parseAnswer } from './call-api.ts'

/** How to reach a service of Fastly. */
export interface FastlyOptions {
  /** Service ID. */
  readonly service: string
  /** API token with `purge_select` and `purge_all`, and `global:read` for `analytics`. */
  readonly token: string
  /** Mark what is purged as stale instead of removing it, so that it can be served while it is fetched anew. Everything at once is always removed. Default true. */
  readonly soft?: boolean
  /** Name of this CDN in metrics and in the queue. Default `fastly`. */
  readonly name?: string
  /** Default `https://api.fastly.com`. */
  readonly api?: string
}

/** @source fastly.com/documentation/reference/api/purging, "up to 256 surrogate keys can be purged in one batch request" */
const KEYS_PER_REQUEST = 256
/** Purges of an account by key and URL: on average 100,000 an hour. How many at once is not documented, nor whether a batch is one or one for each key: our own choice is the
 *  stricter, and a minute's worth at once. @source fastly.com/documentation/reference/api, "Rate limiting", as third parties quote it: the page itself could not be read */
const PURGES = { bucket: 'purges', counts: 'items', burst: 1700, perSec: 100_000 / 3600 } as const
/** A purge of everything is an ordinary request that changes something, of which a token has 1,000 an hour; half of them are left to its other users. How many at once is our own
 *  choice. @source docs.fastly.com/api, "Rate limiting": "purge all requests count against the per-hour rate limit" */
const REQUESTS = { bucket: 'requests', counts: 'requests', burst: 10, perSec: 500 / 3600 } as const
/** Keys beyond it are ignored. @source fastly.com/documentation/reference/http/http-headers/Surrogate-Key, read in an earlier year: the sentence could not be checked again */
const FIELD_BYTES = 16_384

/** Requests and bytes of clients alone: `requests` and `bandwidth` count those between Fastly's own sites too. `hits` counts a hit at any of them, at most one a request.
 *  @source github.com/fastly/fastly-js, docs/Results.md, generated from the API's description */
interface StatsRow {
  readonly edge_requests?: number
  readonly edge_resp_header_bytes?: number
  readonly edge_resp_body_bytes?: number
  readonly hits?: number
}

/** A service of Fastly. @throws HF_CONFIG_INVALID */
export function fastly(options: FastlyOptions): CdnProvider {
  const { service, token, soft = true, name = 'fastly', api = 'https://api.fastly.com' } = options
  const problems = collectConfigProblems()
  if (!/^[\w-]{1,64}$/.test(service)) problems.add('fastly.service', 'must be the ID of a service')
  if (typeof token !== 'string' || !/^[!-~]+$/.test(token)) problems.add('fastly.token', 'must be an API token')
  problems.throwIfAny('fastly()')
  const headers = { 'fastly-key': token, accept: 'application/json' }

  const plannedFor = (purge: Purge): readonly PlannedCall[] => {
    if (purge.kind === 'all') return [{ method: 'POST', url: `${api}/service/${service}/purge_all` }]
    if (purge.kind === 'url') return purge.urls.map(url => ({ method: 'POST', url: `${api}/purge/${withoutScheme(url)}` }))
    return inParts(purge.tags, KEYS_PER_REQUEST).map(keys => ({
      method: 'POST',
      url: `${api}/service/${service}/purge`,
      body: JSON.stringify({ surrogate_keys: keys }),
    }))
  }

  return {
    name,
    limits: { tag: { ...PURGES, perRequest: KEYS_PER_REQUEST }, url: { ...PURGES, perRequest: 1 }, all: { ...REQUESTS, perRequest: 1 } },
    isSoft: soft,
    tagField: { name: 'Surrogate-Key', separator: ' ', maxBytes: FIELD_BYTES, maxTags: 1000, obeysTargeted: false, variesBy: 'all' },
    plan: plannedFor,
    async purge(purge, deps = {}) {
      const isSoft = soft && purge.kind !== 'all'
      for (const call of plannedFor(purge)) {
        const own = { ...headers, 'content-type': 'application/json', ...(isSoft ? { 'fastly-soft-purge': '1' } : {}) }
        await callApi({ ...call, provider: name, headers: own, secrets: [token] }, deps)
      }
    },
    async analytics({ fromMs, toMs }, deps = {}) {
      const [from, to] = [Math.floor(fromMs / 1000), Math.floor(toMs / 1000)]
      const url = `${api}/stats/service/${service}?from=${from}&to=${to}&by=${resolutionOf(toMs - fromMs)}`
      const text = await callApi({ method: 'GET', url, provider: name, headers, secrets: [token] }, deps)
      const { data = [] } = parseAnswer(name, text) as { data?: readonly StatsRow[] }
      let [requests, bytes, hits] = [0, 0, 0]
      for (const row of data) {
        requests += row.edge_requests ?? 0
        bytes += (row.edge_resp_header_bytes ?? 0) + (row.edge_resp_body_bytes ?? 0)
        hits += row.hits ?? 0
      }
      return { provider: name, fromMs, toMs, requests, bytes, ...(requests === 0 ? {} : { hitRatio: Math.min(1, hits / requests) }) }
    },
  }
}

/** Minutes are kept for 35 days and hours for 375; a page of minutes of a month would be large. What has not ended yet is not reported: a minute comes 2 to 15 minutes late, an
 *  hour 15 minutes, a day at 2 in the morning. @source fastly.com/documentation/reference/api/metrics-stats/historical-stats */
function resolutionOf(lengthMs: number): 'minute' | 'hour' | 'day' {
  if (lengthMs <= 6 * 3_600_000) return 'minute'
  return lengthMs <= 31 * 86_400_000 ? 'hour' : 'day'
}

function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//, '')
}
