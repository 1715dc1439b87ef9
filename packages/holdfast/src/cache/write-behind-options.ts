import { type ConfigProblems, collectConfigProblems, type Duration, parseDurationMs } from '../core/index.ts'
import { checkTags, type SetOptions } from './options.ts'

/** The last value of each key, oldest first. */
export type WrittenEntries<V> = readonly (readonly [key: string, value: V])[]

/** Options of `createWriteBehind`. */
export interface WriteBehindOptions<V> {
  /** Names it in metrics and logs. 1 to 64 letters, digits, `.`, `_` or `-`. */
  readonly name: string
  /** Writes the entries to where they really live, all or none, and so that a repetition does no harm: a batch whose outcome is unknown is sent again.
   *  One call at a time in this process. `signal` aborts when `stop` runs out of time. */
  readonly flush: (entries: WrittenEntries<V>, ctx: { readonly signal: AbortSignal }) => Promise<unknown>
  /** Keys that may wait. 1 or more. Default 10,000. */
  readonly maxEntries?: number
  /** Longest a key waits for its flush while the database is well. More than 0. Default `'1s'`. */
  readonly every?: Duration
  /** Entries of one flush; as many waiting are flushed at once. 1 or more. Default 500. */
  readonly maxBatch?: number
  /** How long `set` waits for room when full, before it throws HF_CACHE_WRITE_BEHIND_FULL. Default `'1s'`; `'0ms'`: not at all. */
  readonly wait?: Duration
  /** Failed flushes in a row, after the first, until a batch is given up for `onDropped`. Default: never; it is full then, and `set` says so. */
  readonly retries?: number
  /** Told of what was given up. Must not throw. */
  readonly onDropped?: (entries: WrittenEntries<V>, error: unknown) => void
  /** Longest time for `stop` to flush what waits; then it is lost. Default `'3s'`. The cache itself gives up after 5 s: for longer, stop this first. */
  readonly stopWithin?: Duration
  /** Of the cached copy that other processes read until the flush. Default: as the cache's. `ttl` should be longer than `every`. */
  readonly ttl?: Duration
  readonly tags?: readonly string[]
}

/** Options, checked and in base units. */
export interface ResolvedWriteBehind<V> {
  readonly name: string
  readonly flush: WriteBehindOptions<V>['flush']
  readonly maxEntries: number
  readonly everyMs: number
  readonly maxBatch: number
  readonly waitMs: number
  readonly retries: number
  readonly onDropped: WriteBehindOptions<V>['onDropped']
  readonly stopWithinMs: number
  readonly set: SetOptions
}

/** @throws HF_CONFIG_INVALID naming every problem at once */
export function resolveWriteBehind<V>(options: WriteBehindOptions<V>): ResolvedWriteBehind<V> {
  const problems = collectConfigProblems()
  const { name, flush, maxEntries = 10_000, maxBatch = 500, retries = Number.POSITIVE_INFINITY, onDropped, ttl, tags } = options
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) problems.add('writeBehind.name', 'must be 1 to 64 letters, digits, ".", "_" or "-"')
  if (typeof flush !== 'function') problems.add('writeBehind.flush', 'must be a function')
  for (const [option, count] of Object.entries({ maxEntries, maxBatch })) {
    if (!Number.isSafeInteger(count) || count < 1) problems.add(`writeBehind.${option}`, `must be a whole number of 1 or more, is ${count}`)
  }
  if (!(retries >= 0)) problems.add('writeBehind.retries', `must be 0 or more, is ${retries}`)
  const resolved: ResolvedWriteBehind<V> = {
    ...{ name, flush, maxEntries, maxBatch, retries, onDropped },
    everyMs: duration(problems, 'every', options.every ?? '1s', 1),
    waitMs: duration(problems, 'wait', options.wait ?? '1s', 0),
    stopWithinMs: duration(problems, 'stopWithin', options.stopWithin ?? '3s', 0),
    set: { ...(ttl === undefined ? {} : { ttl }), ...(tags === undefined ? {} : { tags }) },
  }
  if (ttl !== undefined) duration(problems, 'ttl', ttl, 1)
  if (tags !== undefined) problems.attempt('writeBehind.tags', () => checkTags(tags), [])
  problems.throwIfAny('write-behind options')
  return resolved
}

function duration(problems: ConfigProblems, option: string, text: Duration, leastMs: number): number {
  const ms = problems.attempt(`writeBehind.${option}`, () => parseDurationMs(text), leastMs)
  if (ms < leastMs) problems.add(`writeBehind.${option}`, 'must be more than 0')
  return ms
}
