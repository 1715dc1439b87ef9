import type { Context, Hono } from 'hono'
import { requireRole } from '../auth/request-guards.ts'
import type { CacheControl } from '../cache/cache-control.ts'
import { consoleErrors } from '../errors.ts'
import type { ConsoleEnv } from './app.ts'
import type { CacheInvalidation, CacheMetricsAnswer, CacheWarmingRequest } from './cache-contract.ts'
import { hitRateOf } from './cache-metrics.ts'

/** What the addresses of the cache answer from. */
export interface CacheRoutesDeps {
  readonly control: CacheControl
  readonly metrics: (windowSec: number, actions: CacheMetricsAnswer['actions']) => CacheMetricsAnswer
  readonly windowOf: (c: Context<ConsoleEnv>) => number
  readonly bodyOf: (c: Context<ConsoleEnv>) => Promise<unknown>
}

const BASE = '/api/v1/performance/cache'
const NAMES_LIMIT = 64

/** Adds the addresses of the cache. */
export function addCacheRoutes(app: Hono<ConsoleEnv>, { control, metrics, windowOf, bodyOf }: CacheRoutesDeps): void {
  const read = (c: Context<ConsoleEnv>): CacheMetricsAnswer => metrics(windowOf(c), control.actions(c.get('caller').role))
  app.get(`${BASE}/metrics`, c => answer(c, read(c)))
  app.get(`${BASE}/hit-rate`, c => answer(c, hitRateOf(read(c))))
  app.get(`${BASE}/key`, async c => answer(c, await control.key(asked(c, 'key'), c.req.query('value') === '1', c.get('caller').role)))
  app.get(`${BASE}/tag-count`, async c => {
    // A scan is work for Redis, and only useful to those who may drop.
    requireRole(c.get('caller'), 'operate')
    return answer(c, await control.tagCount(asked(c, 'tag')))
  })
  app.post(`${BASE}/warm`, async c => answer(c, await control.warm(parseWarming(await bodyOf(c)), c.get('caller').role)))
  app.post(`${BASE}/invalidate`, async c => answer(c, await control.invalidate(parseInvalidation(await bodyOf(c)), c.get('caller').role)))
}

function answer(c: Context<ConsoleEnv>, body: object): Response {
  return c.json(body, 200, { 'cache-control': 'no-store' })
}

function asked(c: Context<ConsoleEnv>, name: string): string {
  const value = c.req.query(name)
  if (value === undefined || value === '') throw consoleErrors.create('HF_CONSOLE_BODY', `the query parameter ${name} is absent`)
  return value
}

/** @throws HF_CONSOLE_BODY */
function parseWarming(body: unknown): CacheWarmingRequest {
  const { sources } = Object(body) as Record<string, unknown>
  if (sources === undefined) return {}
  if (!Array.isArray(sources) || sources.length > NAMES_LIMIT || !sources.every(name => typeof name === 'string' && name !== '')) {
    throw consoleErrors.create('HF_CONSOLE_BODY', `sources must be a list of at most ${NAMES_LIMIT} names`)
  }
  return { sources }
}

/** @throws HF_CONSOLE_BODY */
function parseInvalidation(body: unknown): CacheInvalidation {
  const { tags = [], keys = [], urls = [], confirmation } = Object(body) as Record<string, unknown>
  const isNames = (value: unknown): value is string[] => Array.isArray(value) && value.every(name => typeof name === 'string' && name !== '')
  if (!isNames(tags) || !isNames(keys) || !isNames(urls)) throw consoleErrors.create('HF_CONSOLE_BODY', 'tags, keys and urls must be lists of texts')
  if (!urls.every(url => /^https?:\/\//.test(url) && URL.canParse(url)))
    throw consoleErrors.create('HF_CONSOLE_BODY', 'urls must be http or https URLs')
  const count = tags.length + keys.length + urls.length
  if (count === 0) throw consoleErrors.create('HF_CONSOLE_BODY', 'there is no tag, key or URL to drop')
  if (count > NAMES_LIMIT) throw consoleErrors.create('HF_CONSOLE_BODY', `more than ${NAMES_LIMIT} tags, keys and URLs at once`)
  return { tags, keys, urls, ...(typeof confirmation === 'string' ? { confirmation } : {}) }
}
