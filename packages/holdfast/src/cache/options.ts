import {
  type ConfigProblems,
  collectConfigProblems,
  type Duration,
  isHoldfastError,
  isTag,
  MAX_TAGS,
  parseDurationMs,
  parseSizeBytes,
  type Size,
} from '../core/index.ts'
import { cacheErrors } from './errors.ts'
import { type InvalidationEvents, type ResolvedEvents, resolveEvents } from './invalidation-events.ts'
import type { LockOptions, ResolvedLock } from './lock.ts'
import { compressFrom, duration, EARLY_RULE, earlyFactor, earlyFactorOf, flag, positiveInteger, rejectUnknown } from './option-parsing.ts'
import { type CacheRule, type ResolvedRule, resolveLifetimes, resolveRules, ruleFor } from './rules.ts'

/** Settings of the tier in this process. */
export interface MemoryOptions {
  /** Entries held. 1 or more. Default 10,000. */
  readonly maxEntries?: number
  /** Estimated bytes held. Default `'64mb'`. One entry takes at most an eighth of it; larger ones are left to Redis. */
  readonly maxBytes?: Size
  /** Longest time an entry is served from memory without asking Redis again. Default: as long as the entry is fresh. */
  readonly ttl?: Duration
}

/** Settings of the cache. */
export interface CacheOptions<L extends string = never, E extends object = Record<never, never>> {
  /** Separates caches that share a Redis: 1 to 64 letters, digits, `.`, `_` or `-`. Default `app`. */
  readonly namespace?: string
  /** The tier in this process. `false` switches it off: every read asks Redis. */
  readonly l1?: false | MemoryOptions
  /** How long entries are fresh when a call names no ttl. More than 0. Default `'1m'`. */
  readonly ttl?: Duration | NoInfer<L>
  /** How long after that they may be served while they are reloaded, or while reloading fails. Default `'0ms'`: never. */
  readonly grace?: Duration | NoInfer<L>
  /** Durations with a name, to be used wherever a lifetime is asked for: `{ profile: '1h' }` allows `{ ttl: 'profile' }`. Default none. */
  readonly lifetimes?: Readonly<Record<L, Duration>>
  /** Defaults for keys that begin alike. At most 100. Default none. */
  readonly rules?: readonly CacheRule<NoInfer<L>>[]
  /** Which tags an event of the application makes old, for `emit`. Default none. */
  readonly invalidation?: InvalidationEvents<E>
  /** Share of each ttl cut off at random, 0 to 0.5, so that entries written together do not expire together. Default 0.1. */
  readonly jitter?: number
  /** Longest wait for one answer of Redis; beyond it Redis counts as away until it answers again. Default `'50ms'`. */
  readonly redisBudget?: Duration
  /** How processes hear of changes. `auto` uses Redis' own tracking and falls back to messages; `pubsub` uses messages only. Default `auto`. */
  readonly coherence?: 'auto' | 'pubsub'
  /** Reloads an entry shortly before its end, in the background, when it is read then; one process of a fleet does. `true`: beginning between one and four times
   *  what its load took before its end, drawn at random; a number above 0 up to 100 multiplies that. At most half the ttl. Default false: without it and
   *  without a grace a loader runs only while a caller waits for it. */
  readonly earlyRefresh?: boolean | number
  /** Encoded size from which values are compressed in Redis; memory holds them as they are. `'0b'`: all. false: none. Default `'4kb'`. */
  readonly compress?: false | Size
  /** Gives each caller a copy of its own, to change as it likes, instead of one frozen value to all. Decided where a value is stored. A hit in memory then
   *  decodes the value, which takes a few times longer even for a small one. Default false. */
  readonly clone?: boolean
  /** Loads that may run at once while Redis is away, so that its outage does not become the database's. 1 or more. Default 32. */
  readonly outageLoads?: number
}

/** Options of one write. */
export interface SetOptions<L extends string = never> {
  /** How long the value is fresh. Default: that of the rule, else the cache's ttl. */
  readonly ttl?: Duration | L
  /** How long after that it may be served stale. Default: that of the rule, else the cache's grace. */
  readonly grace?: Duration | L
  /** What the value depends on; `invalidateTags` with one of them drops it. At most 64 of at most 255 bytes. */
  readonly tags?: readonly string[]
  /** As the option of the cache of the same name. */
  readonly clone?: boolean
}

/** Options of one read with a loader. They are looked at only when the loader may have to run. */
export interface GetOrSetOptions<L extends string = never> extends SetOptions<L> {
  /** How long a caller waits for a reload before it gets the stale value. Default `'0ms'`: the stale value at once, the reload in the background.
   *  Means nothing without a grace. */
  readonly softTimeout?: Duration
  /** Longest time for the loader; then `ctx.signal` aborts and callers get the stale value or HF_CACHE_LOAD_TIMEOUT. Default: no limit. */
  readonly hardTimeout?: Duration
  /** As the option of the cache of the same name. */
  readonly earlyRefresh?: boolean | number
  /** How long `null` is fresh, when shorter than other values. Default: as `ttl`. */
  readonly nullTtl?: Duration | L
}

/** Options of an increment. */
export interface IncrementOptions {
  /** What to add: any whole number; 0 reads. Default 1. */
  readonly by?: number
  /** How long the counter lives from its first increment on. Later increments do not prolong it. `'1ms'` or more. */
  readonly ttl: Duration
}

/** Options of the cache, checked and in base units. */
export interface ResolvedOptions {
  readonly namespace: string
  readonly memory: { readonly maxEntries: number; readonly maxBytes: number; readonly ttlMs: number } | undefined
  readonly ttlMs: number
  readonly graceMs: number
  readonly jitter: number
  readonly redisBudgetMs: number
  /** 0: no early refresh. */
  readonly earlyFactor: number
  readonly compressFromBytes: number
  readonly coherence: 'auto' | 'pubsub'
  readonly outageLoads: number
  readonly clone: boolean
  readonly lifetimes: ReadonlyMap<string, number>
  readonly rules: readonly ResolvedRule[]
  readonly events: ResolvedEvents
}

/** Options of one call, checked and in base units. */
export interface ResolvedCall {
  readonly ttlMs: number
  readonly nullTtlMs: number
  readonly graceMs: number
  readonly softTimeoutMs: number
  readonly hardTimeoutMs: number
  readonly earlyFactor: number
  readonly compressFromBytes: number
  readonly clone: boolean
  readonly tags: readonly string[]
}

const KNOWN: ReadonlySet<string> = new Set([
  'namespace',
  'l1',
  'ttl',
  'grace',
  'jitter',
  'redisBudget',
  'coherence',
  'outageLoads',
  'earlyRefresh',
  'compress',
  'clone',
  'lifetimes',
  'rules',
  'invalidation',
])
const KNOWN_MEMORY: ReadonlySet<string> = new Set(['maxEntries', 'maxBytes', 'ttl'])
const MAX_KEY_LENGTH = 1024

/** Namespace of a cache whose options name none. */
export const DEFAULT_NAMESPACE = 'app'

/** Checks the options of a cache. @throws HF_CONFIG_INVALID naming every problem at once. */
export function resolveOptions(options: CacheOptions<string, object>): ResolvedOptions {
  const problems = collectConfigProblems()
  const { namespace = DEFAULT_NAMESPACE, jitter = 0.1, coherence = 'auto', outageLoads = 32 } = options
  rejectUnknown(problems, 'cache', options, KNOWN)
  if (!/^[\w.-]{1,64}$/.test(namespace)) problems.add('cache.namespace', 'must be 1 to 64 letters, digits, ".", "_" or "-"')
  if (!(jitter >= 0 && jitter <= 0.5)) problems.add('cache.jitter', `must be from 0 to 0.5, is ${jitter}`)
  if (coherence !== 'auto' && coherence !== 'pubsub') problems.add('cache.coherence', `must be 'auto' or 'pubsub', is ${JSON.stringify(coherence)}`)
  positiveInteger(problems, 'cache.outageLoads', outageLoads)
  const lifetimes = resolveLifetimes(problems, options.lifetimes ?? {})
  const time = (name: 'ttl' | 'grace', fallbackMs: number, mustBePositive: boolean): number =>
    lifetimes.get(options[name] ?? '') ?? duration(problems, `cache.${name}`, options[name] as Duration | undefined, fallbackMs, mustBePositive)
  const resolved: ResolvedOptions = {
    namespace,
    jitter,
    coherence,
    outageLoads,
    clone: flag(problems, 'cache.clone', options.clone ?? false),
    lifetimes,
    rules: resolveRules(problems, options.rules ?? [], lifetimes, checkTags),
    events: resolveEvents(problems, options.invalidation ?? {}),
    earlyFactor: earlyFactor(problems, 'cache.earlyRefresh', options.earlyRefresh ?? false),
    compressFromBytes: compressFrom(problems, 'cache.compress', options.compress ?? '4kb'),
    ttlMs: time('ttl', 60_000, true),
    graceMs: time('grace', 0, false),
    redisBudgetMs: duration(problems, 'cache.redisBudget', options.redisBudget, 50, true),
    memory: options.l1 === false ? undefined : resolveMemory(problems, options.l1 ?? {}),
  }
  problems.throwIfAny('cache options')
  return resolved
}

function resolveMemory(problems: ConfigProblems, options: MemoryOptions): ResolvedOptions['memory'] {
  rejectUnknown(problems, 'cache.l1', options, KNOWN_MEMORY)
  const { maxEntries = 10_000, maxBytes = '64mb' } = options
  positiveInteger(problems, 'cache.l1.maxEntries', maxEntries)
  const bytes = problems.attempt('cache.l1.maxBytes', () => parseSizeBytes(maxBytes), 1)
  if (bytes === 0) problems.add('cache.l1.maxBytes', 'must be more than 0; write l1: false for no memory tier')
  return { maxEntries, maxBytes: bytes, ttlMs: duration(problems, 'cache.l1.ttl', options.ttl, Number.POSITIVE_INFINITY, true) }
}

/** Checks the options of one call. @throws HF_CACHE_OPTION_INVALID, HF_CACHE_TAG_INVALID */
export function resolveCall(key: string, options: GetOrSetOptions<string>, defaults: ResolvedOptions): ResolvedCall {
  const rule = ruleFor(defaults.rules, key)
  const read = (name: string, text: string | undefined, fallbackMs: number): number => {
    if (text === undefined) return fallbackMs
    const ms = defaults.lifetimes.get(text) ?? parseCached(key, name, text as Duration)
    if (ms === 0 && name !== 'grace' && name !== 'softTimeout') {
      throw cacheErrors.create('HF_CACHE_OPTION_INVALID', `${name} of ${JSON.stringify(key)} is 0`, {
        hint: `${name} must be more than 0; leave it out for the default`,
      })
    }
    return ms
  }
  const ttlMs = read('ttl', options.ttl, rule?.ttlMs ?? defaults.ttlMs)
  return {
    ttlMs,
    nullTtlMs: read('nullTtl', options.nullTtl, rule?.nullTtlMs ?? ttlMs),
    graceMs: read('grace', options.grace, rule?.graceMs ?? defaults.graceMs),
    softTimeoutMs: read('softTimeout', options.softTimeout, 0),
    hardTimeoutMs: read('hardTimeout', options.hardTimeout, Number.POSITIVE_INFINITY),
    earlyFactor: options.earlyRefresh === undefined ? (rule?.earlyFactor ?? defaults.earlyFactor) : readEarly(key, options.earlyRefresh),
    compressFromBytes: rule?.compressFromBytes ?? defaults.compressFromBytes,
    clone: options.clone ?? rule?.clone ?? defaults.clone,
    tags: tagsOf(options.tags, rule),
  }
}

function readEarly(key: string, option: boolean | number): number {
  const factor = earlyFactorOf(option)
  if (factor !== undefined) return factor
  throw cacheErrors.create('HF_CACHE_OPTION_INVALID', `earlyRefresh of ${JSON.stringify(key)} is ${option}`, { hint: `it ${EARLY_RULE}` })
}

function tagsOf(tags: readonly string[] | undefined, rule: ResolvedRule | undefined): readonly string[] {
  if (rule === undefined || rule.tags.length === 0) return tags === undefined ? [] : checkTags(tags)
  return tags === undefined ? rule.tags : checkTags([...rule.tags, ...tags])
}

/** Options of an increment, checked. @throws HF_CACHE_OPTION_INVALID */
export function resolveIncrement(key: string, { by = 1, ttl }: IncrementOptions): { by: number; ttlMs: number } {
  if (!Number.isSafeInteger(by)) {
    throw cacheErrors.create('HF_CACHE_OPTION_INVALID', `by of ${JSON.stringify(key)} is ${by}`, {
      hint: 'count in whole numbers, for example cents',
    })
  }
  return { by, ttlMs: atLeast(key, 'ttl', ttl, 1) }
}

/** Options of a lock, checked. @throws HF_CACHE_OPTION_INVALID */
export function resolveLock(key: string, { ttl, wait = '0ms' }: LockOptions): ResolvedLock {
  return { ttlMs: atLeast(key, 'ttl', ttl, 100), waitMs: parseCached(key, 'wait', wait) }
}

function atLeast(key: string, name: string, text: Duration, leastMs: number): number {
  const ms = Math.floor(parseCached(key, name, text))
  if (ms >= leastMs) return ms
  throw cacheErrors.create('HF_CACHE_OPTION_INVALID', `${name} of ${JSON.stringify(key)} is ${ms} ms, the least is ${leastMs} ms`)
}

/** @throws HF_CACHE_KEY_INVALID */
export function checkKey(key: unknown): void {
  if (typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_LENGTH) return
  const found = typeof key === 'string' ? `a string of ${key.length} characters` : `of type ${typeof key}`
  throw cacheErrors.create('HF_CACHE_KEY_INVALID', `the key is ${found}, allowed are strings of 1 to ${MAX_KEY_LENGTH}`)
}

/** The tags, each once. @throws HF_CACHE_TAG_INVALID */
export function checkTags(tags: readonly unknown[]): readonly string[] {
  const unique = checkInvalidatedTags(tags)
  if (unique.length > MAX_TAGS) throw cacheErrors.create('HF_CACHE_TAG_INVALID', `${unique.length} tags on one entry (limit ${MAX_TAGS})`)
  return unique
}

/** The tags to invalidate, each once; any number of them. @throws HF_CACHE_TAG_INVALID */
export function checkInvalidatedTags(tags: readonly unknown[]): readonly string[] {
  const at = tags.findIndex(tag => !isTag(tag))
  if (at >= 0) throw cacheErrors.create('HF_CACHE_TAG_INVALID', `${JSON.stringify(tags[at])?.slice(0, 80)} is not a tag`)
  return [...new Set(tags as readonly string[])]
}

/** Few different durations are written in a program; texts made up at run time are not kept beyond this. */
const PARSED_LIMIT = 1000
const parsed = new Map<string, number>()

function parseCached(key: string, name: string, text: Duration): number {
  const known = parsed.get(text)
  if (known !== undefined) return known
  try {
    const ms = parseDurationMs(text)
    if (parsed.size < PARSED_LIMIT) parsed.set(text, ms)
    return ms
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    throw cacheErrors.create('HF_CACHE_OPTION_INVALID', `${name} of ${JSON.stringify(key)}: ${error.message}`, { hint: error.hint, cause: error })
  }
}
