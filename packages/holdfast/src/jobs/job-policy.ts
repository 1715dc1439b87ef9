import { type ConfigProblems, type Duration, parseDurationMs, parseSizeBytes } from '../core/index.ts'
import type { Backoff, JobDefinition, JobPolicy, QueueDefinition, Retention } from './job-definition.ts'

/** A policy with every value in place. */
export interface ResolvedPolicy {
  readonly attempts: number
  readonly baseMs: number
  readonly ceilingMs: number
  readonly jitter: number
  readonly timeoutMs: number
  readonly priority: number
}

/** Retention as BullMQ takes it: seconds. */
export interface ResolvedRetention {
  readonly count: number
  readonly age: number
}

/** A queue with every value in place. */
export interface ResolvedQueue {
  readonly name: string
  readonly jobs: ReadonlyMap<string, { readonly definition: JobDefinition; readonly policy: ResolvedPolicy }>
  readonly policy: ResolvedPolicy
  readonly concurrency: number
  readonly globalConcurrency: number | undefined
  readonly rate: ResolvedRate | undefined
  readonly fairness: ResolvedFairness | undefined
  readonly keepCompleted: ResolvedRetention
  readonly keepDead: ResolvedRetention
  readonly maxPayloadBytes: number
  readonly alerts: { readonly depth: number; readonly ageMs: number; readonly failureRatio: number }
}

/** `max` in each `perMs`. */
export interface ResolvedRate {
  readonly max: number
  readonly perMs: number
}

/** Limits of each tenant; 0 where there is none. */
export interface ResolvedFairness {
  readonly concurrency: number
  readonly rate: ResolvedRate | undefined
  readonly window: number
}

/** Largest priority that BullMQ takes. @source bullmq 6.7.0, PRIORITY_LIMIT in classes/job */
export const PRIORITY_LIMIT = 2_097_151
/** Depth and age of a queue that names no limits. */
export const DEFAULT_LIMITS: { readonly depth: number; readonly ageMs: number } = { depth: 1000, ageMs: 30_000 }
const DAY_MS = 86_400_000
const DEFAULT_WINDOW = 50

const DEFAULTS: ResolvedPolicy = { attempts: 5, baseMs: 1000, ceilingMs: 300_000, jitter: 0.5, timeoutMs: 30_000, priority: 0 }

/** Pause before the attempt that follows the `failed`-th (1 or more), in whole ms. `random` is from 0 to 1. */
export function backoffMs({ baseMs, ceilingMs, jitter }: ResolvedPolicy, failed: number, random: number): number {
  const full = Math.min(ceilingMs, baseMs * 2 ** Math.min(failed - 1, 52))
  return Math.round(full * (1 - jitter * random))
}

/** Reads a queue; everything wrong with it is noted under `queues.{name}`. */
export function resolveQueue(name: string, queue: QueueDefinition, problems: ConfigProblems): ResolvedQueue {
  const path = `queues.${name}`
  const read = reader(problems)
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(name)) problems.add(path, 'must be 1 to 100 letters, digits, dots, dashes and underscores')
  for (const key of Object.keys(queue)) if (!QUEUE_OPTIONS.has(key)) problems.add(`${path}.${key}`, 'is not an option of a queue')
  const policy = resolvePolicy(path, queue, DEFAULTS, problems)
  const jobs = new Map<string, { definition: JobDefinition; policy: ResolvedPolicy }>()
  for (const [job, definition] of Object.entries(queue.jobs ?? {})) {
    const at = `${path}.jobs.${job}`
    for (const key of Object.keys(definition)) if (!JOB_OPTIONS.has(key)) problems.add(`${at}.${key}`, 'is not an option of a job')
    if (definition.run !== undefined && typeof definition.run !== 'function') problems.add(`${at}.run`, 'must be a function')
    jobs.set(job, { definition, policy: resolvePolicy(at, definition, policy, problems) })
  }
  if (jobs.size === 0) problems.add(`${path}.jobs`, 'must name at least one job')
  const concurrency = read.whole(`${path}.concurrency`, queue.concurrency, 10, 1, 1000)
  const { alerts = {} } = queue
  return {
    name,
    jobs,
    policy,
    concurrency,
    globalConcurrency:
      queue.globalConcurrency === undefined ? undefined : read.whole(`${path}.globalConcurrency`, queue.globalConcurrency, 1, 1, 1e6),
    rate: read.rate(`${path}.rate`, queue.rate),
    fairness:
      queue.fairness === undefined
        ? undefined
        : {
            concurrency: read.whole(`${path}.fairness.concurrency`, queue.fairness.concurrency, 0, 1, 1e6),
            rate: read.rate(`${path}.fairness.rate`, queue.fairness.rate),
            window: read.whole(`${path}.fairness.window`, queue.fairness.window, Math.max(DEFAULT_WINDOW, 2 * concurrency), 1, 10_000),
          },
    keepCompleted: resolveRetention(`${path}.keepCompleted`, queue.keepCompleted, { count: 1000, age: 86_400 }, problems),
    keepDead: resolveRetention(`${path}.keepDead`, queue.keepDead, { count: 10_000, age: 14 * 86_400 }, problems),
    maxPayloadBytes: problems.attempt(`${path}.maxPayload`, () => parseSizeBytes(queue.maxPayload ?? '64kb'), 65_536),
    alerts: {
      depth: read.whole(`${path}.alerts.depth`, alerts.depth, DEFAULT_LIMITS.depth, 1, 1e9),
      ageMs: read.duration(`${path}.alerts.age`, alerts.age, DEFAULT_LIMITS.ageMs, 1, 365 * DAY_MS),
      failureRatio: read.share(`${path}.alerts.failureRatio`, alerts.failureRatio, 0.01),
    },
  }
}

const QUEUE_OPTIONS: ReadonlySet<string> = new Set([
  'jobs',
  'attempts',
  'backoff',
  'timeout',
  'priority',
  'concurrency',
  'globalConcurrency',
  'rate',
  'fairness',
  'keepCompleted',
  'keepDead',
  'maxPayload',
  'alerts',
])
const JOB_OPTIONS: ReadonlySet<string> = new Set(['schema', 'run', 'attempts', 'backoff', 'timeout', 'priority'])

function resolvePolicy(path: string, policy: JobPolicy, base: ResolvedPolicy, problems: ConfigProblems): ResolvedPolicy {
  const read = reader(problems)
  const backoff: Backoff = policy.backoff ?? {}
  const baseMs = read.duration(`${path}.backoff.base`, backoff.base, base.baseMs, 0, DAY_MS)
  const ceilingMs = read.duration(`${path}.backoff.ceiling`, backoff.ceiling, Math.max(base.ceilingMs, baseMs), 0, 7 * DAY_MS)
  if (ceilingMs < baseMs) problems.add(`${path}.backoff.ceiling`, `must be at least base, ${baseMs} ms, is ${ceilingMs} ms`)
  return {
    attempts: read.whole(`${path}.attempts`, policy.attempts, base.attempts, 1, 100),
    baseMs,
    ceilingMs,
    jitter: read.share(`${path}.backoff.jitter`, backoff.jitter, base.jitter),
    timeoutMs: read.duration(`${path}.timeout`, policy.timeout, base.timeoutMs, 1, DAY_MS),
    priority: read.whole(`${path}.priority`, policy.priority, base.priority, 0, PRIORITY_LIMIT),
  }
}

function resolveRetention(path: string, retention: Retention | undefined, base: ResolvedRetention, problems: ConfigProblems): ResolvedRetention {
  const read = reader(problems)
  return {
    count: read.whole(`${path}.count`, retention?.count, base.count, 0, 1e6),
    age: Math.ceil(read.duration(`${path}.age`, retention?.age, base.age * 1000, 1000, 3650 * DAY_MS) / 1000),
  }
}

interface Reader {
  whole(path: string, value: number | undefined, fallback: number, least: number, most: number): number
  share(path: string, value: number | undefined, fallback: number): number
  duration(path: string, value: Duration | undefined, fallbackMs: number, leastMs: number, mostMs: number): number
  rate(path: string, value: { readonly max: number; readonly per: Duration } | undefined): ResolvedRate | undefined
}

function reader(problems: ConfigProblems): Reader {
  const read: Reader = {
    whole(path, value, fallback, least, most) {
      if (value === undefined) return fallback
      if (Number.isSafeInteger(value) && value >= least && value <= most) return value
      problems.add(path, `must be a whole number from ${least} to ${most}, is ${value}`)
      return fallback
    },
    share(path, value, fallback) {
      if (value === undefined) return fallback
      if (typeof value === 'number' && value >= 0 && value <= 1) return value
      problems.add(path, `must be from 0 to 1, is ${value}`)
      return fallback
    },
    duration(path, value, fallbackMs, leastMs, mostMs) {
      if (value === undefined) return fallbackMs
      const ms = problems.attempt(path, () => parseDurationMs(value), fallbackMs)
      if (ms < leastMs || ms > mostMs) problems.add(path, `must be from ${leastMs} ms to ${mostMs} ms, is ${ms} ms`)
      return ms
    },
    rate(path, value) {
      if (value === undefined) return undefined
      return { max: read.whole(`${path}.max`, value.max, 1, 1, 1e9), perMs: read.duration(`${path}.per`, value.per, 1000, 1, DAY_MS) }
    },
  }
  return read
}
