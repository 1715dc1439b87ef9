import { isHoldfastError } from '../core/index.ts'

/** Why an attempt did not complete. */
export type FailureReason = 'error' | 'timeout' | 'stalled' | 'cancelled' | 'payload' | 'unknown-name'

/** One attempt that did not complete, as it is kept with the job. */
export interface AttemptRecord {
  /** 1 for the first. */
  readonly attempt: number
  readonly atMs: number
  /** Absent after a stall: nobody saw the end. */
  readonly ranMs?: number
  readonly reason: FailureReason
  /** Code of the error, where it has one. */
  readonly code?: string
  /** At most 1,000 characters. */
  readonly message: string
  /** Host and process. */
  readonly worker: string
}

/** Records kept with a job. */
export const HISTORY_KEPT = 50
const MESSAGE_LIMIT = 1000

/** What is kept of a failure. */
export function describeFailure(error: unknown): { readonly reason: FailureReason; readonly code?: string; readonly message: string } {
  const { code, message = String(error) } = (error ?? {}) as { code?: unknown; message?: string }
  return {
    reason: isHoldfastError(error) ? (REASONS[error.code] ?? 'error') : 'error',
    ...(typeof code === 'string' ? { code } : {}),
    message: String(message).slice(0, MESSAGE_LIMIT),
  }
}

const REASONS: Readonly<Record<string, FailureReason>> = {
  HF_JOBS_TIMEOUT: 'timeout',
  HF_JOBS_STALLED: 'stalled',
  HF_JOBS_CANCELLED: 'cancelled',
  HF_JOBS_PAYLOAD: 'payload',
  HF_JOBS_UNKNOWN_NAME: 'unknown-name',
}

/** Reads the rows of a job's log; what others wrote there is left out. */
export function parseHistory(rows: readonly string[]): AttemptRecord[] {
  return rows.flatMap(row => {
    try {
      const record = JSON.parse(row) as AttemptRecord
      return typeof record === 'object' && record !== null && typeof record.attempt === 'number' && typeof record.reason === 'string' ? [record] : []
    } catch {
      return []
    }
  })
}
