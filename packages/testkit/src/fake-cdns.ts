import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A request as an API saw it. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export interface ApiAnswer {
  readonly status: number
  readonly body: object | string
  readonly headers?: Record<string, string>
}

/** The API of a CDN on the loopback interface. */
export interface FakeApi extends AsyncDisposable {
  readonly url: string
  /** Subjects that were purged, in order: `tag a`, `url https://…`, `all`. */
  readonly purged: string[]
  readonly seen: SeenRequest[]
  /** Answers of the next requests, in the place of its own; `cut`: the connection breaks. */
  readonly next: (ApiAnswer | 'cut')[]
  /** Wall clock of the API, of which its token bucket lives. */
  nowMs: () => number
}

async function startApi(answer: (request: SeenRequest, api: FakeApi) => ApiAnswer): Promise<FakeApi> {
  const server: Server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      const seen = { method: request.method!, path: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString() }
      api.seen.push(seen)
      const given = api.next.shift() ?? answer(seen, api)
      if (given === 'cut') return request.socket.destroy()
      response.writeHead(given.status, { 'content-type': 'application/json', ...given.headers })
      response.end(typeof given.body === 'string' ? given.body : JSON.stringify(given.body))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const api: FakeApi = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    purged: [],
    seen: [],
    next: [],
    nowMs: () => Date.now(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
  return api
}

/** What Cloudflare's documentation says of a zone on a plan: 100 operations a request, a bucket of `burst` requests that fills with `perSec`. */
export function startCloudflare(
  options: { readonly token?: string; readonly burst?: number; readonly perSec?: number; readonly groups?: readonly object[] } = {},
): Promise<FakeApi> {
  const { token = 'cf-token', burst = 25, perSec = 5 / 60, groups = [] } = options
  let tokens = burst
  let filledAtMs: number | undefined
  const failed = (status: number, message: string, headers = {}): ApiAnswer => ({
    status,
    headers,
    body: { success: false, errors: [{ code: 1000 + status, message }], messages: [], result: null },
  })
  return startApi(({ method, path, headers, body }, api) => {
    if (headers.authorization !== `Bearer ${token}`) return failed(403, `Authentication error for ${headers.authorization}`)
    if (path === '/graphql') return { status: 200, body: { data: { viewer: { zones: [{ httpRequestsAdaptiveGroups: groups }] } }, errors: null } }
    if (method !== 'POST' || !/^\/zones\/\w+\/purge_cache$/.test(path)) return failed(404, 'no route')
    const nowMs = api.nowMs()
    tokens = Math.min(burst, tokens + ((nowMs - (filledAtMs ?? nowMs)) / 1000) * perSec)
    filledAtMs = nowMs
    if (tokens < 1) return failed(429, 'rate limited', { 'retry-after': String(Math.ceil((1 - tokens) / perSec)) })
    tokens--
    const purged = cloudflarePurge(JSON.parse(body))
    if (typeof purged === 'string') return failed(400, purged)
    api.purged.push(...purged)
    return { status: 200, body: { success: true, errors: [], messages: [], result: { id: 'z1' } } }
  })
}

/** What is purged, or why nothing is. */
function cloudflarePurge(order: { tags?: string[]; files?: string[]; purge_everything?: boolean }): string[] | string {
  if (Object.keys(order).length !== 1) return 'only one of files, tags or purge_everything'
  if (order.purge_everything === true) return ['all']
  const { tags = [], files = [] } = order
  if (tags.length + files.length > 100) return 'more than 100 operations in one request'
  if (tags.some(tag => /[^!-~]|,/.test(tag) || tag.length > 1024)) return 'a tag is not visible ASCII'
  if (files.some(url => !url.startsWith('https://zone.test/'))) return 'a URL is not of this zone'
  return [...tags.map(tag => `tag ${tag}`), ...files.map(url => `url ${url}`)]
}

/** What Fastly's documentation says of a service: 256 keys a batch, no soft purge of everything, which is a request of the 1,000 an hour; other purges are not. */
export function startFastly(
  options: { readonly token?: string; readonly rows?: readonly object[]; readonly requestsAnHour?: number } = {},
): Promise<FakeApi> {
  const { token = 'fastly-token', rows = [], requestsAnHour = 1000 } = options
  let requestsLeft = requestsAnHour
  return startApi(({ method, path, headers, body }, api) => {
    if (headers['fastly-key'] !== token) return { status: 401, body: { msg: 'Provided credentials are missing or invalid' } }
    const soft = headers['fastly-soft-purge'] === '1' ? 'soft ' : ''
    if (method === 'GET' && path.startsWith('/stats/service/s1?'))
      return { status: 200, body: { status: 'success', meta: {}, msg: null, data: rows } }
    if (method !== 'POST') return { status: 405, body: { msg: 'Method not allowed' } }
    if (path.endsWith('/purge_all') && requestsLeft-- <= 0) return { status: 429, body: { msg: 'You have exceeded your hourly rate limit' } }
    const purged = fastlyPurge(path, body, soft)
    if (typeof purged === 'string') return { status: purged === 'no route' ? 404 : 400, body: { msg: purged } }
    api.purged.push(...purged)
    return { status: 200, body: { status: 'ok' } }
  })
}

/** What is purged, or why nothing is. */
function fastlyPurge(path: string, body: string, soft: string): string[] | string {
  if (path === '/service/s1/purge_all') return soft === '' ? ['all'] : 'purge all cannot be soft'
  if (path.startsWith('/purge/')) return [`${soft}url ${path.slice('/purge/'.length)}`]
  if (path !== '/service/s1/purge') return 'no route'
  const { surrogate_keys: keys } = JSON.parse(body) as { surrogate_keys: string[] }
  if (keys.some(key => /[^!-~]/.test(key))) return 'a key is not printable ASCII'
  return keys.length > 256 ? 'more than 256 keys' : keys.map(key => `${soft}tag ${key}`)
}

/** What the documentation of AWS says of CloudFront and CloudWatch: signed requests, at most 3,000 paths and 15 wildcards under way, tags of at most 256 visible characters without
 *  comma and wildcard, metrics by POST in JSON. `isSigned` judges a request; `metrics` are answered where the period asked for is kept so long. */
export function startCloudFront({
  isSigned,
  metrics = [],
}: {
  isSigned: (request: SeenRequest, url: string) => boolean
  metrics?: object[]
}): Promise<FakeApi> {
  let [paths, wildcards] = [0, 0]
  const failed = (status: number, code: string): ApiAnswer => ({
    status,
    headers: { 'content-type': 'text/xml' },
    body: `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${code}</Message></Error></ErrorResponse>`,
  })
  return startApi((request, api) => {
    if (!isSigned(request, api.url)) return failed(403, 'SignatureDoesNotMatch')
    if (request.headers['x-amz-target'] === 'GraniteServiceVersion20100801.GetMetricData') {
      const { 'content-type': type, 'content-encoding': encoding } = request.headers
      if (type !== 'application/json' || encoding !== 'amz-1.0') return failed(400, 'SerializationException')
      return { status: 200, body: { MetricDataResults: isKept(request.body, api.nowMs()) ? metrics : [] } }
    }
    if (request.path !== '/2020-05-31/distribution/D1/invalidation') return failed(404, 'NoSuchDistribution')
    const items = [...request.body.matchAll(/<Path>(.*?)<\/Path>/g)].map(([, item]) =>
      item!.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&'),
    )
    if (!isBatchOf(items.length, request.body)) return failed(400, 'InconsistentQuantities')
    if (items.some(item => item.startsWith('#') && !/^[!-+\--~]{1,256}$/.test(item.slice(1)))) return failed(400, 'InvalidArgument')
    const stars = items.filter(item => item.endsWith('*')).length
    if (paths + items.length - stars > 3000 || wildcards + stars > 15) return failed(400, 'TooManyInvalidationsInProgress')
    paths += items.length - stars
    wildcards += stars
    api.purged.push(...items.map(purgedBy))
    return { status: 201, body: '<Invalidation><Id>I1</Id><Status>InProgress</Status></Invalidation>' }
  })
}

/** Minutes for 15 days, five of them for 63, hours for 455. */
function isKept(body: string, nowMs: number): boolean {
  const { StartTime, MetricDataQueries } = JSON.parse(body) as { StartTime: number; MetricDataQueries: { MetricStat: { Period: number } }[] }
  const ageDays = (nowMs / 1000 - StartTime) / 86_400
  const shortestSec = ageDays < 15 ? 60 : ageDays < 63 ? 300 : 3600
  return MetricDataQueries.every(({ MetricStat }) => MetricStat.Period % shortestSec === 0)
}

function purgedBy(item: string): string {
  if (item === '/*') return 'all'
  return item.startsWith('#') ? `tag ${item.slice(1)}` : `url ${item}`
}

function isBatchOf(count: number, body: string): boolean {
  return body.includes(`<Quantity>${count}</Quantity>`) && /<CallerReference>[^<]+<\/CallerReference>/.test(body)
}
