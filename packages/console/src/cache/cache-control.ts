import { inspect } from 'node:util'
import { type InspectedEntry, requestWarming, surveyCache, type TieredCache } from 'holdfast/cache'
import { isHoldfastError, type Logger } from 'holdfast/core'
import type {
  CacheCopy,
  CacheInvalidation,
  CacheInvalidationAnswer,
  CacheKeyAnswer,
  CacheMetricsAnswer,
  CacheTagCountAnswer,
  CacheWarmingAnswer,
  CacheWarmingRequest,
} from '../api/cache-contract.ts'
import type { ConsoleEvent } from '../api/contract.ts'
import type { AuditTrail } from '../audit-trail.ts'
import { hasRole, type Role } from '../auth/console-auth.ts'
import { consoleErrors } from '../errors.ts'

/** Looks into the cache and drops from it. */
export interface CacheControl {
  /** What a caller with this role may do. */
  actions(role: Role): CacheMetricsAnswer['actions']
  /** Where a key is; its value only for those who may operate. 4 Redis round trips. @throws HF_CONSOLE_NO_CACHE, HF_CONSOLE_FORBIDDEN, HF_CACHE_KEY_INVALID */
  key(key: string, wantsValue: boolean, role: Role): Promise<CacheKeyAnswer>
  /** How many entries a tag would drop: a scan of at most 10,000 entries, one at a time. @throws HF_CONSOLE_NO_CACHE, HF_CONSOLE_BUSY, HF_CACHE_TAG_INVALID */
  tagCount(tag: string): Promise<CacheTagCountAnswer>
  /** Drops, and leaves a line in the log, in the audit log and in the events. @throws HF_CONSOLE_NO_CACHE, HF_CONSOLE_CONFIRMATION, HF_CACHE_TAG_INVALID, HF_CACHE_KEY_INVALID */
  invalidate(body: CacheInvalidation, role: Role): Promise<CacheInvalidationAnswer>
  /** Has the services of the cache's namespace warm it, one request at a time, and leaves a line in the log and in the events. Ends when they have.
   *  @throws HF_CONSOLE_NO_CACHE, HF_CONSOLE_BUSY, HF_CACHE_NO_WARMER, HF_CACHE_NO_SUCH_SOURCE, HF_CACHE_REDIS_AWAY */
  warm(body: CacheWarmingRequest, role: Role): Promise<CacheWarmingAnswer>
}

/** The part of `hf.responses` that is used here. */
export interface PurgedResponses {
  purge(url: string): Promise<void>
  readonly cdns: readonly string[]
}

/** What it works with. */
export interface CacheControlDeps {
  readonly cache: TieredCache | undefined
  /** Where whole answers are kept, and the CDNs that hear of what is dropped. */
  readonly responses: PurgedResponses | undefined
  /** Whether the first name must be repeated. */
  readonly needsConfirmation: boolean
  readonly logger: Logger
  readonly audited: AuditTrail
  readonly nowMs: () => number
  readonly publishEvent: (event: ConsoleEvent) => void
}

const VALUE_TEXT_LIMIT = 20_000

/** A control over the cache, if there is one. */
export function createCacheControl({ cache, responses, needsConfirmation, logger, audited, nowMs, publishEvent }: CacheControlDeps): CacheControl {
  let counting = false
  let warming = false

  const known = (): TieredCache => {
    if (cache === undefined) throw consoleErrors.create('HF_CONSOLE_NO_CACHE', 'this console reads measurements only')
    return cache
  }

  return {
    actions(role) {
      if (cache === undefined) return []
      return hasRole(role, 'operate') ? ['inspect', 'value', 'invalidate'] : ['inspect']
    },
    async key(key, wantsValue, role) {
      if (wantsValue && !hasRole(role, 'operate')) {
        throw consoleErrors.create('HF_CONSOLE_FORBIDDEN', `to see values needs the role operate, yours is ${role}`)
      }
      const { outcome, reason, message } = await known().explain(key)
      const found = await known().inspect(key, { value: wantsValue })
      return {
        ...{ schema: 'holdfast.cache-key/1', key, outcome, reason, message },
        memory: found.memory === undefined ? null : copyOf(found.memory),
        redis: found.redis === undefined ? null : { ...copyOf(found.redis), loadMs: found.redis.loadMs },
        ...(wantsValue ? { valueText: textOf(found.value) } : {}),
      }
    },
    async tagCount(tag) {
      const base = { schema: 'holdfast.cache-tag-count/1', tag } as const
      const from = known()
      if (counting) throw consoleErrors.create('HF_CONSOLE_BUSY', 'another count is running')
      counting = true
      try {
        const { taggedCount = 0, scannedCount, isComplete } = await surveyCache(from, { tag })
        return { ...base, taggedCount, scannedCount, isComplete, why: null }
      } catch (error) {
        if (!isHoldfastError(error) || error.code !== 'HF_CACHE_REDIS_AWAY') throw error
        return { ...base, taggedCount: null, scannedCount: 0, isComplete: false, why: error.message }
      } finally {
        counting = false
      }
    },
    async warm({ sources }, role) {
      const from = known()
      if (warming) throw consoleErrors.create('HF_CONSOLE_BUSY', 'another warming is running')
      warming = true
      try {
        const names = sources?.join(', ') ?? 'all sources'
        logger.info({ audit: 'cache.warm', role, sources: sources ?? 'all' }, `the console asked to warm ${names}`)
        const warmed = await requestWarming(from, sources === undefined ? {} : { sources })
        publishEvent({ atMs: nowMs(), kind: 'warm', text: `warmed the cache: ${names}` })
        return { schema: 'holdfast.cache-warming/1', ...warmed }
      } finally {
        warming = false
      }
    },
    async invalidate({ tags = [], keys = [], urls = [], confirmation }, role) {
      const from = known()
      if (urls.length > 0 && responses === undefined)
        throw consoleErrors.create('HF_CONSOLE_NO_CACHE', 'this console has no response cache to purge URLs from')
      const first = tags[0] ?? keys[0] ?? urls[0]
      if (needsConfirmation && confirmation !== first) {
        throw consoleErrors.create('HF_CONSOLE_CONFIRMATION', `to drop, confirm with the text ${first}`, {
          hint: 'send the first tag, key or URL as `confirmation`',
        })
      }
      const names = [...tags.map(tag => `tag ${tag}`), ...keys.map(key => `key ${key}`), ...urls].join(', ')
      const drop = async (): Promise<boolean[]> => {
        if (tags.length > 0) await from.invalidateTags(...tags)
        const wasThere = await Promise.all(keys.map(key => from.delete(key)))
        for (const url of urls) await responses?.purge(url)
        return wasThere
      }
      const wasThere = await audited({ what: 'cache.invalidate', subject: 'cache', role }, () => names, drop)
      logger.info({ audit: 'cache.invalidate', role, tags, keys, urls }, `the console dropped ${names}`)
      publishEvent({ atMs: nowMs(), kind: 'invalidate', text: `dropped from the cache: ${names}` })
      const { redis, journaled } = from.stats()
      return {
        schema: 'holdfast.cache-invalidation/1',
        tags,
        keys,
        urls,
        // Entries have no name at a CDN.
        cdns: tags.length + urls.length > 0 ? (responses?.cdns ?? []) : [],
        deletedCount: wasThere.filter(Boolean).length,
        isPending: redis === 'away' || journaled > 0,
      }
    },
  }
}

function copyOf({ sizeBytes, freshForMs, goneInMs, tags, isCleared }: InspectedEntry): CacheCopy {
  return { sizeBytes, freshForMs, goneInMs, tags: isCleared ? [...tags, { tag: '(the whole namespace)', isCurrent: false }] : tags }
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : inspect(value, { depth: 12, maxArrayLength: 200, maxStringLength: 5000, breakLength: 100 })
  return text.length > VALUE_TEXT_LIMIT ? `${text.slice(0, VALUE_TEXT_LIMIT)}… (${text.length} characters)` : text
}
