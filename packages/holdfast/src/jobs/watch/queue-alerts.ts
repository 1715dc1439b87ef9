import type { ResolvedQueue } from '../job-policy.ts'
import type { QueueTrend } from './queue-sample.ts'

/** A limit of a queue that is passed. */
export interface QueueAlert {
  readonly queue: string
  readonly kind: 'depth' | 'age' | 'failures'
  /** Jobs, ms, or the share of failed attempts. */
  readonly value: number
  readonly limit: number
  readonly sinceMs: number
  /** One sentence. */
  readonly why: string
}

/** Fewer attempts say nothing about their failures. */
export const FAILURE_SAMPLE = 20

/** What is wrong with a queue by its limits. Depth and age hold for all processes, failures for the attempts of this one. `sinceMs` is the time of this look. */
export function alertsOf(queue: Pick<ResolvedQueue, 'name' | 'alerts'>, { newest, kinds }: QueueTrend): readonly QueueAlert[] {
  const { depth, ageMs, failureRatio } = queue.alerts
  const base = { queue: queue.name, sinceMs: newest.atMs }
  const found: QueueAlert[] = []
  if (newest.waiting > depth) {
    const why = `${newest.waiting} jobs wait in queue ${queue.name} (limit ${depth})`
    found.push({ ...base, kind: 'depth', value: newest.waiting, limit: depth, why })
  }
  if (newest.oldestWaitingMs > ageMs && !newest.isPaused) {
    const why = `the oldest job of queue ${queue.name} has waited ${Math.round(newest.oldestWaitingMs / 1000)} s (limit ${ageMs / 1000} s)`
    found.push({ ...base, kind: 'age', value: newest.oldestWaitingMs, limit: ageMs, why })
  }
  const attempts = sum(kinds.map(kind => kind.attempts))
  const failed = sum(kinds.map(kind => kind.failed))
  const ratio = attempts === 0 ? 0 : failed / attempts
  if (attempts >= FAILURE_SAMPLE && ratio > failureRatio) {
    const why = `${failed} of ${attempts} attempts of queue ${queue.name} failed in this process (limit ${percent(failureRatio)})`
    found.push({ ...base, kind: 'failures', value: ratio, limit: failureRatio, why })
  }
  return found
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}

function percent(ratio: number): string {
  return `${Math.round(ratio * 1000) / 10} %`
}
