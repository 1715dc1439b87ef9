import { defineErrors, type ErrorTable } from '../core/index.ts'

type CacheErrorCode =
  | 'HF_CACHE_KEY_INVALID'
  | 'HF_CACHE_TAG_INVALID'
  | 'HF_CACHE_EVENT_UNKNOWN'
  | 'HF_CACHE_OPTION_INVALID'
  | 'HF_CACHE_VALUE_UNENCODABLE'
  | 'HF_CACHE_LOAD_TIMEOUT'
  | 'HF_CACHE_NO_PREVIOUS'
  | 'HF_CACHE_OVERLOADED'
  | 'HF_CACHE_REDIS_AWAY'
  | 'HF_CACHE_REDIS_REFUSED'
  | 'HF_CACHE_MESSAGE_INVALID'
  | 'HF_CACHE_SUBSCRIPTIONS_FULL'
  | 'HF_CACHE_LOCK_HELD'
  | 'HF_CACHE_LOCK_LOST'
  | 'HF_CACHE_NO_SUCH_SOURCE'
  | 'HF_CACHE_NO_WARMER'
  | 'HF_CACHE_WRITE_BEHIND_FULL'
  | 'HF_CACHE_WRITE_BEHIND_STOPPED'
  | 'HF_CACHE_KNOWN_IDS_AWAY'
  | 'HF_REDIS_CLIENT_MISSING'

/** Errors of `cache`. */
export const cacheErrors: ErrorTable<CacheErrorCode> = defineErrors<CacheErrorCode>({
  HF_CACHE_KEY_INVALID: {
    summary: 'A cache key is not a string of 1 to 1,024 characters.',
    hint: 'use a short readable key such as `fund:7`; hash what is long',
    retryable: false,
    status: 400,
  },
  HF_CACHE_TAG_INVALID: {
    summary: 'A tag is not a string of 1 to 255 bytes, or one entry has more than 64 tags.',
    hint: 'tag by what changes together, for example `fund:7`',
    retryable: false,
    status: 400,
  },
  HF_CACHE_EVENT_UNKNOWN: {
    summary: 'An event was emitted that the option `invalidation` of the cache does not name.',
    hint: "add it to the cache's options: { invalidation: { 'lead.assigned': lead => ['leads'] } }",
    retryable: false,
  },
  HF_CACHE_OPTION_INVALID: {
    summary: 'An option of one call is not valid.',
    hint: "write durations with their unit: { ttl: '30s' }",
    retryable: false,
  },
  HF_CACHE_VALUE_UNENCODABLE: {
    summary: 'A value given to `set` holds something that cannot be stored: a function, a symbol, a cycle or nesting deeper than 200.',
    hint: 'store plain data; `getOrSet` returns such a value to its caller and stores nothing',
    retryable: false,
  },
  HF_CACHE_LOAD_TIMEOUT: {
    summary: 'A loader took longer than its hard time-out and there was no stale value to serve.',
    hint: 'pass ctx.signal on to the query, give the entry a grace period, or raise hardTimeout',
    retryable: true,
  },
  HF_CACHE_NO_PREVIOUS: {
    summary: 'A loader answered `ctx.notModified()` although there was no previous value.',
    hint: 'ask conditionally only when `ctx.previous` is not undefined',
    retryable: false,
  },
  HF_CACHE_OVERLOADED: {
    summary: 'Redis is away and more than 10,000 loads were already waiting for the database; this one was refused to protect it.',
    hint: 'answer 503 and retry later; bring Redis back or raise cache.outageLoads',
    retryable: true,
  },
  HF_CACHE_REDIS_AWAY: {
    summary:
      'A counter, a lock, a message or a drop by pattern needs Redis, and it does not answer or none was given. A counter may have been increased all the same.',
    hint: 'decide what the request does without it, for example let it pass; `hf.health()` says since when Redis is away',
    retryable: true,
    status: 503,
  },
  HF_CACHE_REDIS_REFUSED: {
    summary:
      'Redis answered a counter, a lock, a message or a drop by pattern with an error: out of memory, no permission, or another type of value under the key.',
    hint: "read Redis' words in the message",
    retryable: false,
  },
  HF_CACHE_MESSAGE_INVALID: {
    summary: 'A message is not a string of at most 1,048,576 characters, or its channel not one of 1 to 255.',
    hint: 'send JSON.stringify(value); send the key of what is large, not the thing itself',
    retryable: false,
  },
  HF_CACHE_SUBSCRIPTIONS_FULL: {
    summary: 'This process has 10,000 subscriptions already.',
    hint: 'call what `subscribe` returned when a listener goes; share one subscription among many listeners of a channel',
    retryable: false,
  },
  HF_CACHE_LOCK_HELD: {
    summary: 'Somebody else holds the lock and did not give it back within `wait`.',
    hint: 'try later, or pass a longer `wait`',
    retryable: true,
  },
  HF_CACHE_LOCK_LOST: {
    summary:
      'The lock may have passed to somebody else before the work was done: Redis was away, or the process stood still, for longer than its ttl.',
    hint: 'stop at ctx.signal, make the work safe to repeat, or choose a longer ttl',
    retryable: false,
  },
  HF_CACHE_NO_SUCH_SOURCE: {
    summary: 'A source to warm was named that no process has.',
    hint: 'use a name that the message lists',
    retryable: false,
    status: 404,
  },
  HF_CACHE_NO_WARMER: {
    summary: 'No process of the namespace answered a request to warm, or those that had answered fell silent.',
    hint: 'check the namespace, that a service with `createWarming` runs, and that it uses this Redis',
    retryable: true,
    status: 503,
  },
  HF_CACHE_WRITE_BEHIND_FULL: {
    summary: 'A write-behind holds as many keys as it may, and no room came within `wait`. The value was not accepted.',
    hint: 'write to the database directly or answer 503; see why flushes are slow or fail in `holdfast_cache_write_behind_flushes`',
    retryable: true,
  },
  HF_CACHE_WRITE_BEHIND_STOPPED: {
    summary: 'A write-behind was stopped: a later `set` is not accepted, and a flush that ran out of time is aborted.',
    hint: 'stop the write-behind after whatever writes to it; raise stopWithin if flushing takes longer',
    retryable: false,
  },
  HF_CACHE_KNOWN_IDS_AWAY: {
    summary:
      'An id could not be added to the filter of known ids, and Redis was away for so long that other processes may no longer wait for this one.',
    hint: 'create the id later, or go on and accept that it may be reported absent until the next build',
    retryable: true,
  },
  HF_REDIS_CLIENT_MISSING: {
    summary: 'A Redis URL was given, but the package ioredis is not installed.',
    hint: 'run `npm install ioredis`',
    retryable: false,
  },
})
