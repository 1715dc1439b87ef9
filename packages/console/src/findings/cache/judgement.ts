import type { Evidence, Recommendation } from 'holdfast/core'
import type { PrefixTraffic } from '../../collect/cache-traffic.ts'
import type { InstanceCache } from '../../collect/collector.ts'
import type { TrafficWindow } from '../../store/traffic-store.ts'

/** What the rules look at: the last minute, and the quarter of an hour for what needs patience. */
export interface CacheView {
  readonly minute: TrafficWindow
  readonly quarter: TrafficWindow
  readonly caches: readonly InstanceCache[]
  /** Mean time of a read from Redis in the minute, in ms; 0 when there was none. */
  readonly redisReadMs: number
}

/** What one rule says of one subject in one window. `good` and `bad` rest on enough reads; of fewer nothing is said at all. */
export type Judgement =
  | { readonly rule: string; readonly subject: string; readonly is: 'good'; readonly reads: ReadCost; readonly why: string }
  | {
      readonly rule: string
      readonly subject: string
      readonly is: 'bad'
      readonly reads: ReadCost
      readonly why: string
      /** What is shown as the subject, where `subject` is but a name for it. */
      readonly statement?: string
      readonly title: string
      readonly savesMsPerSec: number
      readonly shareOfTime: number
      readonly figures: NonNullable<Evidence['figures']>
      readonly recommendation: Pick<Recommendation, 'summary' | 'costNote' | 'risk'> & { readonly option: NonNullable<Recommendation['option']> }
    }

/** What reads of the subject cost in the window: how many, and the time that they spent loading or in Redis. */
export interface ReadCost {
  readonly readCount: number
  readonly windowMs: number
  readonly totalMs: number
}

/** A rule: pure, from numbers to judgements. */
export type CacheRule = (view: CacheView) => readonly Judgement[]

/** The cost of a prefix's reads: its loads, and its reads from Redis at their mean. */
export function readCost(traffic: PrefixTraffic, { minute, redisReadMs }: Pick<CacheView, 'minute' | 'redisReadMs'>): ReadCost {
  const readCount = traffic.memoryHits + traffic.redisHits + traffic.misses + traffic.coalesced
  return { readCount, windowMs: minute.coveredMs, totalMs: traffic.load.sum * 1000 + traffic.herdWaitedMs + traffic.redisHits * redisReadMs }
}

/** Share of all loading in the window that this prefix did, 0..1. */
export function shareOfLoading(traffic: PrefixTraffic, { minute }: Pick<CacheView, 'minute'>): number {
  const allMs = minute.traffic.cache?.load.sum ?? 0
  return allMs === 0 ? 0 : Math.min(1, traffic.load.sum / allMs)
}

/** Mean of a loader's time in ms; 0 without a load. */
export function meanLoadMs({ load }: PrefixTraffic): number {
  return load.count === 0 ? 0 : (load.sum / load.count) * 1000
}

/** `1,234` */
export function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** `23 %` */
export function share(ratio: number): string {
  return `${(ratio * 100).toFixed(ratio < 0.1 ? 1 : 0)} %`
}

/** `850 ms`, `5 s`, `3 min`, `2 h` */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 120_000) return `${Number((ms / 1000).toPrecision(2))} s`
  return ms < 7_200_000 ? `${Number((ms / 60_000).toPrecision(2))} min` : `${Number((ms / 3_600_000).toPrecision(2))} h`
}

/** A duration as options take it: `'5s'`, `'3m'`, `'2h'`. */
export function duration(ms: number): string {
  if (ms < 1000) return `'${Math.round(ms)}ms'`
  if (ms < 120_000) return `'${Math.ceil(ms / 1000)}s'`
  return ms < 7_200_000 ? `'${Math.ceil(ms / 60_000)}m'` : `'${Math.ceil(ms / 3_600_000)}h'`
}

/** `1.2 MB` */
export function size(bytes: number): string {
  return bytes < 1_000_000 ? `${Number((bytes / 1000).toPrecision(2))} kB` : `${Number((bytes / 1_000_000).toPrecision(2))} MB`
}
