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
/** Purges of an account, each key and URL one: on average 100,000 an hour. How many of them at once is not documented: our own choice, a minute's worth.
 *  @source fastly.com/documentation/reference/api, rate limiting */
const PURGES = { bucket: 'purges', counts: 'items', burst: 1700, perSec: 100_000 / 3600 } as const
/** @source fastly.com/documentation/reference/http/http-headers/Surrogate-Key: 16,384 bytes in all, what is beyond them is ignored */
const FIELD_BYTES = 16_384

interface StatsRow {
  readonly requests?: number
  readonly hits?: number
  readonly miss?: number
  readonly bandwidth?: number
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
    limits: { tag: { ...PURGES, perRequest: KEYS_PER_REQUEST }, url: { ...PURGES, perRequest: 1 }, all: { ...PURGES, perRequest: 1 } },
    isSoft: soft,
    tagField: { name: 'Surrogate-Key', separator: ' ', maxBytes: FIELD_BYTES, maxTags: 1000, obeysTargeted: false },
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
      let [requests, bytes, hits, misses] = [0, 0, 0, 0]
      for (const row of data) {
        requests += row.requests ?? 0
        bytes += row.bandwidth ?? 0
        hits += row.hits ?? 0
        misses += row.miss ?? 0
      }
      return { provider: name, fromMs, toMs, requests, bytes, ...(hits + misses === 0 ? {} : { hitRatio: hits / (hits + misses) }) }
    },
  }
}

/** Minutes are kept for 35 days and hours for 375; a page of minutes of a month would be large. */
function resolutionOf(lengthMs: number): 'minute' | 'hour' | 'day' {
  if (lengthMs <= 6 * 3_600_000) return 'minute'
  return lengthMs <= 31 * 86_400_000 ? 'hour' : 'day'
}

function withoutScheme(url: string): string {
  return url.replace(/^https?:\/\//, '')
}
