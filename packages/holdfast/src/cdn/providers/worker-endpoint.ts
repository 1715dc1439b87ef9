import { collectConfigProblems, MAX_TAGS, SIGNATURE_FIELD, signPurge, systemClock } from '../../core/index.ts'
import { cdnErrors } from '../errors.ts'
import { type CdnProvider, inParts, type PlannedCall, type Purge } from '../provider.ts'
import { callApi } from './call-api.ts'

/** How to reach the purge endpoint of an edge worker of Holdfast. */
export interface WorkerEndpointOptions {
  /** Of the endpoint, as clients of the worker reach it: `https://shop.example.com/.holdfast/purge`. One for each host. */
  readonly url: string
  /** One of the worker's `purge.secrets`. */
  readonly secret: string
  /** Name of this worker in metrics and in the queue. Default `worker`. */
  readonly name?: string
}

/** What the endpoint takes. */
const TAGS_PER_REQUEST = 100
/** Each is two keys and four operations of the Cache API, of which Cloudflare's free plan allows 50 in a request. */
const URLS_PER_REQUEST = 10
/** The endpoint has no limit of its own: our own choice, well below what one isolate answers. */
const BURST = 20
const REQUESTS_PER_SEC = 10
/** @source developers.cloudflare.com/cache/how-to/purge-cache/purge-by-tags: 16 KB */
const FIELD_BYTES = 16_384

/** An edge worker (`holdfast/worker`) of one host. @throws HF_CONFIG_INVALID */
export function workerEndpoint({ url, secret, name = 'worker' }: WorkerEndpointOptions): CdnProvider {
  const problems = collectConfigProblems()
  if (!isEndpoint(url)) problems.add('workerEndpoint.url', 'must be the whole URL of the endpoint, without query')
  if (typeof secret !== 'string' || secret.length < 32) problems.add('workerEndpoint.secret', 'must have 32 characters or more')
  problems.throwIfAny('workerEndpoint()')
  const plannedFor = (purge: Purge): readonly PlannedCall[] => {
    const call = (body: object): PlannedCall => ({ method: 'POST', url, body: JSON.stringify(body) })
    if (purge.kind === 'all') return [call({ all: true })]
    if (purge.kind === 'url') return inParts(purge.urls, URLS_PER_REQUEST).map(urls => call({ urls }))
    return inParts(purge.tags, TAGS_PER_REQUEST).map(tags => call({ tags }))
  }
  const bucket = { bucket: 'requests', counts: 'requests', burst: BURST, perSec: REQUESTS_PER_SEC } as const
  return {
    name,
    limits: { tag: { perRequest: TAGS_PER_REQUEST, ...bucket }, url: { perRequest: URLS_PER_REQUEST, ...bucket }, all: { perRequest: 1, ...bucket } },
    isSoft: false,
    tagField: { name: 'Cache-Tag', separator: ',', maxBytes: FIELD_BYTES, maxTags: MAX_TAGS, obeysTargeted: true, variesBy: 'all' },
    plan: plannedFor,
    async purge(purge, deps = {}) {
      const { clock = systemClock } = deps
      for (const { method, body = '' } of plannedFor(purge)) {
        const signature = await signPurge({ url, body }, secret, clock.nowMs())
        await callApi({ provider: name, method, url, body, headers: { [SIGNATURE_FIELD]: signature }, secrets: [secret] }, deps)
      }
    },
    analytics: () =>
      Promise.reject(cdnErrors.create('HF_HTTP_CDN_REJECTED', `${name} counts nothing`, { hint: 'ask the CDN of the zone, cloudflare()' })),
  }
}

/** The worker signs what it reads of the URL, so it must be written as it will be read. */
function isEndpoint(url: string): boolean {
  const { protocol, origin, pathname } = URL.canParse(url) ? new URL(url) : { protocol: '', origin: '', pathname: '' }
  return (protocol === 'https:' || protocol === 'http:') && `${origin}${pathname}` === url
}
