import { histogramQuantile, mergeHistograms } from '../../telemetry/index.ts'
import type { PoolPeriod } from './pool-meter.ts'

/** What a pool did in the last minute: the numbers that its size is judged by. Plain data. */
export interface PoolFacts {
  readonly windowMs: number
  readonly checkoutCount: number
  /** Waits for a connection, those in vain included. */
  readonly waitP50Ms: number
  readonly waitP95Ms: number
  readonly waitMaxMs: number
  /** Share of `max` that was checked out, over time: 0..1. */
  readonly busyShare: number
  /** Share of the checked-out time in which PostgreSQL worked on a statement: 0..1. */
  readonly runningShare: number
  /** Most connections checked out at one time. */
  readonly peakUsed: number
  readonly max: number
}

/** What is to be said of a pool's size. */
export interface PoolAdvice {
  readonly verdict:
    | 'fine'
    /** Callers wait, and PostgreSQL works nearly all the time that a connection is out. */
    | 'too-small'
    /** Callers wait while connections are out and PostgreSQL has nothing to do: a matter of the code, not of the size. */
    | 'held-idle'
    /** Callers wait in bursts, and most of the time connections are free. */
    | 'bursts'
    /** Half of the connections or more are never used at one time. */
    | 'too-large'
    /** Fewer checkouts than anything can be said about. */
    | 'unknown'
  /** One sentence with the numbers. */
  readonly why: string
  /** A size to try next; one step, to be measured again. Absent where the size is not what is wrong. */
  readonly suggestedMax?: number
  readonly facts: PoolFacts
}

/** Checkouts below which a p95 rests on fewer than five callers. */
const LEAST_CHECKOUTS = 100
/** A wait that people notice when a request makes several: `growAfter` of a pool of ours. */
const NOTICED_WAIT_MS = 10
/** Below this share of work a connection that is out mostly waits for the service. */
const IDLE_SHARE = 0.5
/** Above this share the queue is there all the time and not in bursts. @source queueing: at 70 % of c servers waits are short, and grow without bound towards 100 % */
const BUSY_SHARE = 0.7
const STEP = 1.5
const LEAST_MAX = 2

/** Sums periods up. `max`: of the pool now. */
export function summarisePool(periods: readonly PoolPeriod[], max: number): PoolFacts {
  const sum = (of: (period: PoolPeriod) => number): number => periods.reduce((total, period) => total + of(period), 0)
  const waits = mergeHistograms(periods.map(period => period.waits))
  const windowMs = sum(period => period.lengthMs)
  const usedMs = sum(period => period.usedMs)
  return {
    windowMs,
    checkoutCount: sum(period => period.checkoutCount),
    waitP50Ms: (histogramQuantile(waits, 0.5) ?? 0) * 1000,
    waitP95Ms: (histogramQuantile(waits, 0.95) ?? 0) * 1000,
    waitMaxMs: waits.max * 1000,
    busyShare: windowMs === 0 || max === 0 ? 0 : Math.min(1, usedMs / (windowMs * max)),
    runningShare: usedMs === 0 ? 0 : Math.min(1, sum(period => period.ranMs) / usedMs),
    peakUsed: Math.max(0, ...periods.map(period => period.peakUsed)),
    max,
  }
}

/** Judges the size of a pool. */
export function adviseOnPool(facts: PoolFacts): PoolAdvice {
  const { checkoutCount, waitP95Ms, busyShare, runningShare, peakUsed, max } = facts
  const percent = (share: number): string => `${Math.round(share * 100)} %`
  const waited = `a caller in twenty waited ${waitP95Ms.toFixed(1)} ms or longer`
  if (checkoutCount < LEAST_CHECKOUTS) return { verdict: 'unknown', why: `${checkoutCount} checkouts are too few to judge by`, facts }
  if (waitP95Ms >= NOTICED_WAIT_MS) {
    if (runningShare < IDLE_SHARE && busyShare >= BUSY_SHARE) {
      const why = `${waited}, and connections that were out ran a statement for ${percent(runningShare)} of the time: give them back earlier`
      return { verdict: 'held-idle', why, facts }
    }
    if (busyShare < BUSY_SHARE)
      return { verdict: 'bursts', why: `${waited}, though ${percent(1 - busyShare)} of the pool was free on average`, facts }
    const why = `${waited}, with ${percent(busyShare)} of ${max} connections in use and PostgreSQL at work for ${percent(runningShare)} of that`
    return { verdict: 'too-small', why, suggestedMax: Math.ceil(max * STEP), facts }
  }
  const enough = Math.max(LEAST_MAX, Math.ceil(peakUsed * STEP))
  if (peakUsed <= max / 2 && enough < max) {
    return { verdict: 'too-large', why: `at most ${peakUsed} of ${max} connections were in use at one time`, suggestedMax: enough, facts }
  }
  return { verdict: 'fine', why: `${waited}, with ${percent(busyShare)} of ${max} connections in use`, facts }
}
