import { inspect } from 'node:util'
import { type SeenRequest, startCloudflare, startFastly, startCloudFront as startSigned } from '@holdfast/testkit'
import { HoldfastError } from 'holdfast/core'
import { describe, expect, it } from 'vitest'
import { type CdnProvider, cdnProvidersFromEnv, cloudFront, cloudflare, fastly, workerEndpoint } from '../../src/cdn/index.ts'
import { signedHeaders } from '../../src/cdn/providers/sigv4.ts'

const AWS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const startCloudFront = (options: { metrics?: object[] } = {}) => startSigned({ ...options, isSigned })
const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `fund:${i}`)
const failure = async (work: Promise<unknown>): Promise<HoldfastError> => {
  const error = await work.then(
    () => undefined,
    found => found,
  )
  expect(error).toBeInstanceOf(HoldfastError)
  return error
}
/** Everything that a log could show of an error. */
const shown = (error: HoldfastError): string => `${inspect(error, { depth: 10 })} ${JSON.stringify(error)} ${error.stack}`
const HOUR_MS = 3_600_000

describe('Cloudflare', () => {
  const at = (api: { url: string }, options = {}): CdnProvider => cloudflare({ zone: 'z1', token: 'cf-token', api: api.url, ...options })

  it('purges tags and URLs, 100 in a request, and everything', async () => {
    await using api = await startCloudflare()
    await at(api).purge({ kind: 'tag', tags: names(101) })
    await at(api).purge({ kind: 'url', urls: ['https://zone.test/a', 'https://zone.test/b?x=1'] })
    await at(api).purge({ kind: 'all' })
    expect(api.seen).toHaveLength(4)
    expect(api.purged).toEqual([...names(101).map(name => `tag ${name}`), 'url https://zone.test/a', 'url https://zone.test/b?x=1', 'all'])
  })

  it('says how long to wait when the bucket of the free plan is empty: 25 requests at once, then 5 a minute', async () => {
    await using api = await startCloudflare()
    let nowMs = 0
    api.nowMs = () => nowMs
    for (let i = 0; i < 25; i++) await at(api).purge({ kind: 'all' })
    const error = await failure(at(api).purge({ kind: 'all' }))
    expect([error.code, error.retryable, error.context.retryAfterMs]).toEqual(['HF_HTTP_CDN_LIMITED', true, 12_000])
    nowMs += 12_000
    await at(api).purge({ kind: 'all' })
    expect(at(api).limits.tag).toEqual({ perRequest: 100, bucket: 'requests', counts: 'requests', burst: 25, perSec: 5 / 60 })
  })

  it('tells wrong credentials, a refusal, a fault and silence apart', async () => {
    await using api = await startCloudflare()
    api.next.push({ status: 502, body: 'bad gateway' }, 'cut', { status: 200, body: { success: false, errors: [{ message: 'zone is paused' }] } })
    expect((await failure(at(api).purge({ kind: 'all' }))).code).toBe('HF_HTTP_CDN_AWAY')
    expect((await failure(at(api).purge({ kind: 'all' }))).code).toBe('HF_HTTP_CDN_AWAY')
    expect((await failure(at(api).purge({ kind: 'all' }))).message).toContain('zone is paused')
    const refused = await failure(at(api).purge({ kind: 'url', urls: ['https://other.test/'] }))
    expect([refused.code, refused.message]).toEqual(['HF_HTTP_CDN_REJECTED', expect.stringContaining('not of this zone')])
    expect((await failure(at(api, { token: 'wrong' }).purge({ kind: 'all' }))).code).toBe('HF_HTTP_CDN_AUTH')
  })

  it('shows the token neither in errors nor in itself, also when the API repeats it', async () => {
    await using api = await startCloudflare({ token: 'another' })
    const provider = at(api)
    const error = await failure(provider.purge({ kind: 'all' }))
    expect(error.message).toContain('[secret]')
    expect(shown(error) + inspect(provider, { depth: 10 }) + JSON.stringify(provider.plan({ kind: 'all' }))).not.toContain('cf-token')
  })

  it('counts requests, bytes and hits of a period', async () => {
    const group = (cacheStatus: string, count: number) => ({ count, sum: { edgeResponseBytes: count * 10 }, dimensions: { cacheStatus } })
    await using api = await startCloudflare({ groups: [group('hit', 70), group('stale', 10), group('miss', 15), group('dynamic', 5)] })
    expect(await at(api).analytics({ fromMs: 0, toMs: HOUR_MS })).toEqual({
      ...{ provider: 'cloudflare', fromMs: 0, toMs: HOUR_MS, requests: 100, bytes: 1000, hitRatio: 0.8 },
    })
    expect(JSON.parse(api.seen[0]!.body).variables).toEqual({ zone: 'z1', from: '1970-01-01T00:00:00.000Z', to: '1970-01-01T01:00:00.000Z' })
  })
})

describe('Fastly', () => {
  const at = (api: { url: string }, options = {}): CdnProvider => fastly({ service: 's1', token: 'fastly-token', api: api.url, ...options })

  it('marks keys and URLs as stale, 256 keys in a request, and removes everything', async () => {
    await using api = await startFastly()
    await at(api).purge({ kind: 'tag', tags: names(257) })
    await at(api).purge({ kind: 'url', urls: ['https://www.test/a?b=1'] })
    await at(api).purge({ kind: 'all' })
    await at(api, { soft: false }).purge({ kind: 'tag', tags: ['hard'] })
    expect(api.seen.map(({ path }) => path)).toEqual([
      ...['/service/s1/purge', '/service/s1/purge', '/purge/www.test/a?b=1', '/service/s1/purge_all', '/service/s1/purge'],
    ])
    expect(api.purged.slice(256)).toEqual(['soft tag fund:256', 'soft url www.test/a?b=1', 'all', 'tag hard'])
  })

  it('takes everything at once out of another bucket than keys and URLs: the 1,000 requests an hour of a token', async () => {
    await using api = await startFastly({ requestsAnHour: 3 })
    const { limits } = at(api)
    expect([limits.all.bucket, limits.tag.bucket, limits.url.bucket]).toEqual(['requests', 'purges', 'purges'])
    expect(limits.all.burst + limits.all.perSec * 3600).toBeLessThan(1000)
    for (let i = 0; i < 3; i++) await at(api).purge({ kind: 'all' })
    expect((await failure(at(api).purge({ kind: 'all' }))).code).toBe('HF_HTTP_CDN_LIMITED')
    await at(api).purge({ kind: 'tag', tags: ['fund:7'] })
  })

  it('counts what clients got, by minutes, hours or days; tells a wrong token', async () => {
    // Three requests of ten went through a shield, which found one of them.
    const row = {
      edge_requests: 10,
      requests: 13,
      edge_resp_header_bytes: 10,
      edge_resp_body_bytes: 90,
      bandwidth: 150,
      edge_hit_requests: 7,
      hits: 8,
      miss: 5,
    }
    await using api = await startFastly({ rows: [row, { edge_requests: 0, hits: 0 }] })
    expect(await at(api).analytics({ fromMs: 0, toMs: 7 * HOUR_MS })).toMatchObject({ requests: 10, bytes: 100, hitRatio: 0.8 })
    expect(api.seen[0]!.path).toBe('/stats/service/s1?from=0&to=25200&by=hour')
    expect((await failure(at(api, { token: 'wrong' }).analytics({ fromMs: 0, toMs: 1 }))).code).toBe('HF_HTTP_CDN_AUTH')
  })
})

describe('CloudFront', () => {
  const at = (api: { url: string }, options = {}): CdnProvider =>
    cloudFront({ distribution: 'D1', credentials: AWS, api: api.url, metricsApi: api.url, ...options })

  it('signs as the example of AWS does', () => {
    const url = 'https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08'
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' }
    const nowMs = Date.UTC(2015, 7, 30, 12, 36)
    const { authorization } = signedHeaders({ method: 'GET', url, headers, body: '', service: 'iam', region: 'us-east-1', nowMs }, AWS)
    expect(authorization).toContain('Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7')
  })

  it('invalidates tags, paths with their query, and everything; a star in a URL means itself', async () => {
    await using api = await startCloudFront()
    await at(api, { credentials: async () => AWS }).purge({ kind: 'tag', tags: names(501) })
    await at(api).purge({ kind: 'url', urls: ['https://d.test/a?b=1&c=<2>', 'https://d.test/img*'] })
    await at(api).purge({ kind: 'all' })
    expect(api.seen).toHaveLength(4)
    expect(api.purged.slice(500)).toEqual(['tag fund:500', 'url /a?b=1&c=%3C2%3E', 'url /img%2A', 'all'])
  })

  it('takes too many invalidations under way for a limit, and a wrong secret for what it is', async () => {
    await using api = await startCloudFront()
    for (let i = 0; i < 15; i++) await at(api).purge({ kind: 'all' })
    expect((await failure(at(api).purge({ kind: 'all' }))).code).toBe('HF_HTTP_CDN_LIMITED')
    const wrong = { ...AWS, secretAccessKey: 'a-wrong-secret' }
    const error = await failure(at(api, { credentials: wrong }).purge({ kind: 'all' }))
    expect(error.code).toBe('HF_HTTP_CDN_AUTH')
    expect(shown(error)).not.toContain('a-wrong-secret')
  })

  it('counts by CloudWatch, a busy minute of the hit rate for more than a quiet one', async () => {
    const series = (Id: string, Values: number[]) => ({ Id, Values, Timestamps: [60, 120] })
    await using api = await startCloudFront({
      metrics: [series('requests', [90, 10]), series('bytesdownloaded', [5, 6]), series('cachehitrate', [100, 0])],
    })
    expect(await at(api).analytics({ fromMs: 0, toMs: HOUR_MS })).toMatchObject({ requests: 100, bytes: 11, hitRatio: 0.9 })
    await using quiet = await startCloudFront({ metrics: [series('requests', [1, 1])] })
    expect(await at(quiet).analytics({ fromMs: 0, toMs: HOUR_MS })).not.toHaveProperty('hitRatio')
  })

  it('asks CloudWatch for no shorter periods than it still has', async () => {
    const now = Date.now()
    await using api = await startCloudFront({ metrics: [{ Id: 'requests', Timestamps: [1], Values: [7] }] })
    for (const [days, periodSec] of [
      [1, 60],
      [20, 300],
      [80, 3600],
    ] as const) {
      const fromMs = now - days * 24 * HOUR_MS
      expect(await at(api).analytics({ fromMs, toMs: fromMs + HOUR_MS })).toMatchObject({ requests: 7 })
      expect(JSON.parse(api.seen.at(-1)!.body).MetricDataQueries[0].MetricStat.Period).toBe(periodSec)
    }
  })
})

it('makes the CDNs that the environment names, and says what one lacks', () => {
  const env = {
    ...{ HOLDFAST_CDN_CLOUDFLARE_ZONE: 'z1', CLOUDFLARE_API_TOKEN: 't', HOLDFAST_CDN_CLOUDFLARE_PLAN: 'pro' },
    ...{ HOLDFAST_CDN_FASTLY_SERVICE: 's1', FASTLY_API_TOKEN: 't' },
    ...{ HOLDFAST_CDN_CLOUDFRONT_DISTRIBUTION: 'D1', AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' },
    ...{ HOLDFAST_CDN_WORKER_URL: 'https://shop.test/.holdfast/purge', HOLDFAST_CDN_WORKER_SECRET: 'x'.repeat(32) },
  }
  expect(cdnProvidersFromEnv(env).map(({ name, limits }) => [name, limits.tag.perSec])).toEqual([
    ['cloudflare', 5],
    ['fastly', expect.any(Number)],
    ['cloudfront', expect.any(Number)],
    ['worker', 10],
  ])
  expect(cdnProvidersFromEnv({ CLOUDFLARE_API_TOKEN: 't' })).toEqual([])
  expect(() => cdnProvidersFromEnv({ HOLDFAST_CDN_FASTLY_SERVICE: 's1' })).toThrow(/fastly.token/)
  expect(() => cloudflare({ zone: 'a/b', token: 'x\n', plan: 'gold' as 'free', variesBy: ['a b'] })).toThrow(/zone.*token.*plan.*variesBy/)
  expect(() => cloudFront({ distribution: 'E1', credentials: AWS, variesBy: 'accept' as unknown as string[] })).toThrow(/variesBy/)
  expect(cloudflare({ zone: 'z1', token: 't' }).tagField.variesBy).toEqual(['origin'])
  expect(cloudFront({ distribution: 'E1', credentials: AWS, variesBy: ['Accept-Language'] }).tagField.variesBy).toEqual(['accept-language'])
  expect(() => workerEndpoint({ url: 'https://shop.test/purge?a', secret: 'short' })).toThrow(/url.*secret/)
})

/** Signs what came once more: what was signed must be what went over the wire. The algorithm itself is held against AWS's own example. */
function isSigned({ method, path, headers, body }: SeenRequest, url: string): boolean {
  const date = String(headers['x-amz-date'])
  const [, service = '', names = ''] = /\/us-east-1\/(\w+)\/aws4_request, SignedHeaders=([^,]+),/.exec(headers.authorization ?? '') ?? []
  const signed = Object.fromEntries(
    names
      .split(';')
      .filter(name => name !== 'host' && name !== 'x-amz-date')
      .map(name => [name, String(headers[name])]),
  )
  const nowMs = Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  const again = signedHeaders({ method, url: url + path, headers: signed, body, service, region: 'us-east-1', nowMs }, AWS)
  return again.authorization === headers.authorization
}
