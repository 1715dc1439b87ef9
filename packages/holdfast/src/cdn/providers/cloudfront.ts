import { createHash } from 'node:crypto'
import { collectConfigProblems, systemClock } from '../../core/index.ts'
import { type CallDeps, type CdnPeriod, type CdnProvider, inParts, type PlannedCall, type Purge, type PurgeLimit } from '../provider.ts'
import { callApi, parseAnswer } from './call-api.ts'
import { areFieldNames, FIELD_NAMES } from './field-names.ts'
import { type AwsCredentials, signedHeaders } from './sigv4.ts'

/** How to reach a distribution of CloudFront. */
export interface CloudFrontOptions {
  /** Distribution ID. For tags its `CacheTagConfig` must name the header `Cache-Tag`, else CloudFront ignores them. */
  readonly distribution: string
  /** With cloudfront:CreateInvalidation, and cloudwatch:GetMetricData for `analytics`. A function is asked for each request, as the credential providers of the SDK are. */
  readonly credentials: AwsCredentials | (() => Promise<AwsCredentials>)
  /** Request fields by which the distribution tells answers of one URL apart, beside Accept-Encoding: those of its cache policy. Answers that vary by others are kept out of it. Default none.
   *  @source docs.aws.amazon.com, CloudFront Developer Guide, "Cache content based on request headers" */
  readonly variesBy?: readonly string[]
  /** Name of this CDN in metrics and in the queue. Default `cloudfront`. */
  readonly name?: string
  /** Default `https://cloudfront.amazonaws.com`. */
  readonly api?: string
  /** Default `https://monitoring.us-east-1.amazonaws.com`, where CloudFront's metrics are. */
  readonly metricsApi?: string
}

/** Paths under way at once are 3,000 a distribution, wildcards 15, and CloudFront takes minutes for them. Nothing is said of tags; they are taken for paths, as the bill takes
 *  them (1,000 paths and tags a month are free). @source docs.aws.amazon.com, CloudFront Developer Guide, "Concurrent invalidation request maximum", "Pay for file invalidation" */
const PATHS_PER_REQUEST = 500
/** Requests are not limited by a documented rate. Our own choice: half of the 3,000 paths in five minutes. */
const REQUESTS: PurgeLimit = { perRequest: PATHS_PER_REQUEST, bucket: 'invalidations', counts: 'requests', burst: 5, perSec: 1 / 60 }
/** @source the same guide, "What you need to know when invalidating tags" */
const TAGS_PER_ANSWER = 50
/** Our own choice: what all fields of a response may have together (20,480 bytes in the guide's "Quotas", which could not be read again) leaves room for it. */
const FIELD_BYTES = 8192
const LIMIT_ERRORS = /<Code>(?:TooManyInvalidationsInProgress|Throttling|ThrottlingException)<\/Code>/

const METRICS = [
  ['Requests', 'Sum'],
  ['BytesDownloaded', 'Sum'],
  ['CacheHitRate', 'Average'],
] as const

interface MetricAnswer {
  readonly MetricDataResults?: readonly {
    readonly Id: string
    readonly Timestamps: readonly (number | string)[]
    readonly Values: readonly number[]
  }[]
}

/** A distribution of CloudFront. What is purged is removed; it has no soft purge. URLs are purged by path and query, on all its domain names.
 *  The hit rate needs the additional metrics of the distribution. @throws HF_CONFIG_INVALID */
export function cloudFront(options: CloudFrontOptions): CdnProvider {
  const { distribution, credentials, variesBy = [], name = 'cloudfront' } = options
  const { api = 'https://cloudfront.amazonaws.com', metricsApi = 'https://monitoring.us-east-1.amazonaws.com' } = options
  const problems = collectConfigProblems()
  if (!/^[\w-]{1,64}$/.test(distribution)) problems.add('cloudFront.distribution', 'must be the ID of a distribution')
  if (typeof credentials !== 'function' && !(credentials?.accessKeyId && credentials.secretAccessKey)) {
    problems.add('cloudFront.credentials', 'must have accessKeyId and secretAccessKey, or be a function that resolves to them')
  }
  if (!areFieldNames(variesBy)) problems.add('cloudFront.variesBy', FIELD_NAMES)
  problems.throwIfAny('cloudFront()')

  const send = async (call: PlannedCall, service: string, headers: Record<string, string>, deps: CallDeps): Promise<string> => {
    const own = typeof credentials === 'function' ? await credentials() : credentials
    const body = call.body ?? ''
    const nowMs = (deps.clock ?? systemClock).nowMs()
    const signed = signedHeaders({ ...call, body, headers, service, region: 'us-east-1', nowMs }, own)
    const secrets = [own.secretAccessKey, own.sessionToken ?? '', own.accessKeyId]
    const isLimit = (_: number, text: string): boolean => LIMIT_ERRORS.test(text)
    return callApi({ ...call, body, headers: signed, provider: name, secrets, isLimit }, deps)
  }

  const plannedFor = (purge: Purge): readonly PlannedCall[] =>
    inParts(itemsOf(purge), PATHS_PER_REQUEST).map(items => ({
      method: 'POST',
      url: `${api}/2020-05-31/distribution/${distribution}/invalidation`,
      body: batchOf(items),
    }))

  return {
    name,
    limits: { tag: REQUESTS, url: REQUESTS, all: { ...REQUESTS, perRequest: 1 } },
    isSoft: false,
    tagField: {
      name: 'Cache-Tag',
      separator: ',',
      maxBytes: FIELD_BYTES,
      maxTags: TAGS_PER_ANSWER,
      obeysTargeted: false,
      variesBy: variesBy.map(field => field.toLowerCase()),
    },
    plan: plannedFor,
    async purge(purge, deps = {}) {
      const nowMs = (deps.clock ?? systemClock).nowMs()
      for (const call of plannedFor(purge)) {
        const body = call.body!.replace(REFERENCE, `${nowMs}-${digest(call.body!)}`)
        await send({ ...call, body }, 'cloudfront', { 'content-type': 'application/xml' }, deps)
      }
    },
    async analytics({ fromMs, toMs }, deps = {}) {
      const nowMs = (deps.clock ?? systemClock).nowMs()
      const body = JSON.stringify(metricQuery(distribution, { fromMs, toMs }, nowMs))
      // CloudWatch API Reference, "Making API Requests Using the POST Method".
      const headers = {
        'content-type': 'application/json',
        'content-encoding': 'amz-1.0',
        'x-amz-target': 'GraniteServiceVersion20100801.GetMetricData',
        accept: 'application/json',
      }
      const text = await send({ method: 'POST', url: `${metricsApi}/`, body }, 'monitoring', headers, deps)
      const { MetricDataResults = [] } = parseAnswer(name, text) as MetricAnswer
      const seriesOf = (id: string): Map<string, number> => {
        const found = MetricDataResults.find(result => result.Id === id)
        return new Map(found?.Values.map((value, i) => [String(found.Timestamps[i]), value]))
      }
      const requests = seriesOf('requests')
      const hitRatio = weighted(seriesOf('cachehitrate'), requests)
      return {
        provider: name,
        fromMs,
        toMs,
        requests: sum(requests),
        bytes: sum(seriesOf('bytesdownloaded')),
        ...(hitRatio === undefined ? {} : { hitRatio }),
      }
    },
  }
}

const DAY_MS = 86_400_000

/** In the place of what names an invalidation, which differs for each. */
const REFERENCE = 'dry-run'

/** Tags carry a `#`; `/*` is everything. */
function itemsOf(purge: Purge): readonly string[] {
  if (purge.kind === 'all') return ['/*']
  return purge.kind === 'tag' ? purge.tags.map(tag => `#${tag}`) : purge.urls.map(pathOf)
}

/** A `*` in a path would purge more than the URL, and ends as its escape, which CloudFront takes for the same. */
function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return `${pathname}${search}`.replaceAll('*', '%2A')
}

function batchOf(items: readonly string[]): string {
  const paths = items.map(item => `<Path>${item.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')}</Path>`).join('')
  return `<?xml version="1.0" encoding="UTF-8"?><InvalidationBatch xmlns="http://cloudfront.amazonaws.com/doc/2020-05-31/"><CallerReference>${REFERENCE}</CallerReference><Paths><Items>${paths}</Items><Quantity>${items.length}</Quantity></Paths></InvalidationBatch>`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** Points of a minute are kept for 15 days, of five for 63, of an hour for 455: a query with a shorter period than is kept is answered with nothing. One answer holds 100,800.
 *  Namespace, metrics, their statistic and dimensions: CloudFront Developer Guide, "Types of metrics for CloudFront".
 *  @source CloudWatch API Reference, GetMetricData */
function metricQuery(distribution: string, { fromMs, toMs }: CdnPeriod, nowMs: number): object {
  const [lengthMs, ageMs] = [toMs - fromMs, nowMs - fromMs]
  const shortestSec = ageMs < 15 * DAY_MS ? 60 : ageMs < 63 * DAY_MS ? 300 : 3600
  const periodSec = Math.max(shortestSec, lengthMs <= DAY_MS / 4 ? 60 : lengthMs <= 31 * DAY_MS ? 3600 : 86_400)
  const dimensions = [
    { Name: 'DistributionId', Value: distribution },
    { Name: 'Region', Value: 'Global' },
  ]
  return {
    StartTime: Math.floor(fromMs / 1000),
    EndTime: Math.floor(toMs / 1000),
    MetricDataQueries: METRICS.map(([metric, stat]) => ({
      Id: metric.toLowerCase(),
      MetricStat: { Metric: { Namespace: 'AWS/CloudFront', MetricName: metric, Dimensions: dimensions }, Period: periodSec, Stat: stat },
    })),
  }
}

function sum(series: ReadonlyMap<string, number>): number {
  let total = 0
  for (const value of series.values()) total += value
  return total
}

/** A rate of a busy minute counts for more than that of a quiet one. */
function weighted(percents: ReadonlyMap<string, number>, weights: ReadonlyMap<string, number>): number | undefined {
  let [hits, total] = [0, 0]
  for (const [at, percent] of percents) {
    const weight = weights.get(at) ?? 0
    hits += (percent / 100) * weight
    total += weight
  }
  return total === 0 ? undefined : hits / total
}
