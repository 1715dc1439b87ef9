import type { Clock, Logger } from '../core/index.ts'
import type { StatementRecord, StatementStore } from './statement-store.ts'

/** Least time between two lines about the same statement, so that a slow one cannot flood the log. */
const REPEAT_MS = 60_000

/** From when on a statement is called slow. */
export interface SlowThresholds {
  readonly warnMs: number
  readonly errorMs: number
}

/** Logs statements that took too long, at most once a minute each: normalised text, never the values. */
export function createSlowStatementLog(
  store: StatementStore,
  thresholds: SlowThresholds,
  logger: Logger,
  clock: Clock,
): (record: StatementRecord, tookMs: number, waitMs: number) => void {
  return (record, tookMs, waitMs) => {
    const nowMs = clock.monotonicMs()
    if (nowMs - record.slowLoggedMs < REPEAT_MS) return
    record.slowLoggedMs = nowMs
    const { fingerprint, text } = store.identify(record)
    const fields = { fingerprint, text, tookMs: Math.round(tookMs), poolWaitMs: Math.round(waitMs) }
    if (tookMs >= thresholds.errorMs) logger.error(fields, `statement took ${fields.tookMs} ms (limit ${thresholds.errorMs} ms)`)
    else logger.warn(fields, `statement took ${fields.tookMs} ms (limit ${thresholds.warnMs} ms)`)
  }
}
