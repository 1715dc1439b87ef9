export { MAX_TAGS, type Schedule as WarmingSchedule } from '../core/index.ts'
export type { BulkLoadContext, LoadMany } from './bulk-load.ts'
export type { CacheDeps, CacheStats, InspectOptions, NamespaceView, TieredCache } from './cache-contract.ts'
export { type RedisAccess, redisAccessOf } from './cache-parts.ts'
export {
  type Derivation,
  type DerivedEntries,
  type DerivedOutcome,
  type DerivedStoring,
  derivedEntries,
} from './derived/derived-entries.ts'
export { cacheErrors } from './errors.ts'
export type { ExplainReason, Explanation, InspectedEntry, InspectedTag, Inspection } from './inspection.ts'
export type { InvalidationEvents } from './invalidation-events.ts'
export { createKnownIds, type KnownId, type KnownIds, type KnownIdsOptions } from './known-ids/known-ids.ts'
export type { Load, LoadContext } from './load-context.ts'
export type { LockContext, LockOptions } from './lock.ts'
export type { MessageHandler, SubscribeOptions } from './messages.ts'
export {
  type CacheOptions,
  checkInvalidatedTags,
  DEFAULT_NAMESPACE,
  type GetOrSetOptions,
  type IncrementOptions,
  type MemoryOptions,
  type SetOptions,
} from './options.ts'
export type { PatternDropOptions, PatternProgress } from './pattern-drop.ts'
export { type CachePreset, cachePresets } from './presets.ts'
export type { IoRedisLike, RedisArg } from './redis/port.ts'
export {
  addRedisProblems,
  type IoRedisClusterLike,
  type RedisClusterServers,
  type RedisOption,
  type RedisSentinelServers,
} from './redis/redis-option.ts'
export type { CacheRule } from './rules.ts'
export type { KeyStatistics } from './statistics/cache-statistics.ts'
export type { HotKey, HotKeyWindow } from './statistics/hot-keys.ts'
export { HERD_WAITERS, LARGE_BYTES, type PrefixStats } from './statistics/prefix-counters.ts'
export { type CacheSurvey, type SurveyedPrefix, type SurveyOptions, surveyCache } from './survey.ts'
export { createTieredCache } from './tiered-cache.ts'
export type { SourceProgress, SourceReport, WarmingCounts, WarmingOutcome, WarmingReport } from './warming/report.ts'
export { type RequestedWarming, type RequestWarmingOptions, requestWarming } from './warming/request-warming.ts'
export type { WarmingKeys, WarmingSource, WarmingSourceOptions } from './warming/source.ts'
export { createWarming, type Warming, type WarmingOptions, type WarmOptions } from './warming/warming.ts'
export { createWriteBehind, type WriteBehind, type WriteBehindStats } from './write-behind.ts'
export type { WriteBehindOptions, WrittenEntries } from './write-behind-options.ts'
