import type { Clock } from '../../core/index.ts'
import type { Counter, Registry } from '../../telemetry/index.ts'
import type { TagSnapshot } from '../tag-table.ts'
import { FollowedKeys } from './followed-keys.ts'
import { HotKeySketch, type HotKeyWindow } from './hot-keys.ts'
import type { PrefixCounters, PrefixStats } from './prefix-counters.ts'
import { PrefixTable } from './prefix-table.ts'

/** What is counted by prefix and by key. */
export interface KeyStatistics {
  /** Most reads first; at most 200 and `other`. */
  readonly prefixes: readonly PrefixStats[]
  /** The keys read most in the last whole minute; `undefined` before it is over. `remote`: reads that memory could not answer. */
  readonly hotKeys: { readonly memory: HotKeyWindow | undefined; readonly remote: HotKeyWindow | undefined }
}

/** Samples of hits are taken about this far apart for each prefix: often enough for a minute's figures, seldom enough that hits stay as cheap as they are. */
const SAMPLE_EVERY_MS = 25
/** Most hits that one sample stands for: 40 samples a second at 160,000 hits a second. */
const MOST_READS_PER_SAMPLE = 4096
/** Other reads cost microseconds; more of them are looked at. */
const REMOTE_READS_PER_SAMPLE = 8

/** Counts by prefix of the key what the cache does. Everything here is bounded, and nothing of it runs on a hit in memory but
 *  `entry.counters.memoryHits++` and a comparison. */
export class CacheStatistics {
  readonly #prefixes = new PrefixTable()
  readonly #followed = new FollowedKeys()
  readonly #clock: Clock
  readonly #random: () => number
  readonly #hotInMemory: HotKeySketch
  readonly #hotRemote: HotKeySketch
  #untilRemoteSample = 1

  constructor(clock: Clock, random: () => number) {
    this.#clock = clock
    this.#random = random
    this.#hotInMemory = new HotKeySketch(clock.monotonicMs())
    this.#hotRemote = new HotKeySketch(clock.monotonicMs())
  }

  /** The counters of a key's prefix. */
  readonly of = (key: string): PrefixCounters => this.#prefixes.of(key)

  /** Looks at the hit that is due, and says which one is next. The distance is random: keys read in turns would otherwise be sampled in step. */
  sampleHit(key: string, counters: PrefixCounters): void {
    const nowMs = this.#clock.monotonicMs()
    const sinceMs = nowMs - counters.sampledAtMs
    this.#hotInMemory.add(key, counters.sampleEvery, nowMs)
    if (sinceMs < SAMPLE_EVERY_MS) counters.sampleEvery = Math.min(MOST_READS_PER_SAMPLE, counters.sampleEvery * 2)
    else if (sinceMs > 4 * SAMPLE_EVERY_MS) counters.sampleEvery = Math.max(1, counters.sampleEvery / 2)
    counters.sampledAtMs = nowMs
    counters.sampleAt = counters.memoryHits + 1 + Math.floor(this.#random() * (2 * counters.sampleEvery - 1))
  }

  redisHit(key: string): void {
    this.of(key).redisHits++
    this.#followed.found(key, this.#clock.monotonicMs())
    this.#sampleRemote(key)
  }

  miss(key: string): void {
    const counters = this.of(key)
    counters.misses++
    this.#followed.missed(key, counters, this.#clock.monotonicMs())
    this.#sampleRemote(key)
  }

  filled(key: string, sizeBytes: number, ttlMs: number, tags: TagSnapshot): void {
    this.of(key).filled(key, sizeBytes, ttlMs)
    this.#followed.filled(key, ttlMs, tags, this.#clock.monotonicMs())
  }

  /** The entry was dropped on purpose. */
  dropped(key: string): void {
    this.#followed.forget(key)
  }

  read(): KeyStatistics {
    const nowMs = this.#clock.monotonicMs()
    const reads = ({ memoryHits, redisHits, misses }: PrefixStats): number => memoryHits + redisHits + misses
    const prefixes = [...this.#prefixes.all()].map(counters => counters.snapshot()).sort((a, b) => reads(b) - reads(a))
    return { prefixes, hotKeys: { memory: this.#hotInMemory.window(nowMs), remote: this.#hotRemote.window(nowMs) } }
  }

  /** Carries the counts into the registry whenever somebody reads it. Returns the function that stops it. */
  publish(registry: Registry, memoryHits: Counter): () => void {
    const reads = registry.counter({
      name: 'holdfast_cache_prefix_reads',
      help: 'Reads by prefix of the key and by what answered them.',
      labels: ['prefix', 'result'],
    })
    const bytes = registry.gauge({
      name: 'holdfast_cache_prefix_bytes',
      help: 'Estimated size of the entries in memory, by prefix of the key.',
      unit: 'bytes',
      labels: ['prefix'],
    })
    const published = new Map<PrefixCounters, Published>()
    const publish = (): void => {
      for (const counters of this.#prefixes.all()) {
        const last = published.get(counters) ?? { memoryHits: 0, redisHits: 0, misses: 0, coalesced: 0 }
        const add = (result: string, count: number): void => {
          if (count > 0) reads.bind(counters.prefix, result).add(count)
        }
        const { redisHits, misses, coalesced } = counters
        memoryHits.add(counters.memoryHits - last.memoryHits)
        add('l1', counters.memoryHits - last.memoryHits)
        add('l2', redisHits - last.redisHits)
        add('miss', misses - last.misses)
        add('coalesced', coalesced - last.coalesced)
        bytes.bind(counters.prefix).set(counters.bytes)
        published.set(counters, { memoryHits: counters.memoryHits, redisHits, misses, coalesced })
      }
    }
    const remove = registry.onSnapshot(publish)
    return () => {
      publish()
      remove()
    }
  }

  #sampleRemote(key: string): void {
    if (--this.#untilRemoteSample > 0) return
    this.#untilRemoteSample = 1 + Math.floor(this.#random() * (2 * REMOTE_READS_PER_SAMPLE - 1))
    this.#hotRemote.add(key, REMOTE_READS_PER_SAMPLE, this.#clock.monotonicMs())
  }
}

type Published = Pick<PrefixCounters, 'memoryHits' | 'redisHits' | 'misses' | 'coalesced'>
