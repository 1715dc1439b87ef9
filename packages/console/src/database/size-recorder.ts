import type { Clock, Lifecycle, Logger } from 'holdfast/core'
import { createTicker } from '../collect/ticker.ts'
import { withinLimit } from '../collect/within-limit.ts'

/** Several tries an hour, so that an hour is missed only when the database is away for most of it; the first one to write takes the hour. */
const RECORD_EVERY_MS = 600_000
const RECORD_LIMIT_MS = 30_000

/** Keeps the history of the database's size from `start` to `stop`. A try that fails costs a point of the history and a line in the log, the first time. */
export function createSizeRecorder(record: () => Promise<boolean>, { clock, logger }: { readonly clock: Clock; readonly logger: Logger }): Lifecycle {
  let warned = false
  const warn = (why: string, err?: unknown): void => {
    if (!warned) logger.warn({ err }, `the size of the database is not recorded: ${why}`)
    warned = true
  }
  return createTicker({
    name: 'console size recorder',
    clock,
    everyMs: RECORD_EVERY_MS,
    async work(stop) {
      try {
        if (await withinLimit(record, { clock, limitMs: RECORD_LIMIT_MS, stop })) warned = false
        else warn('the role may not write holdfast.size_history')
      } catch (error) {
        if (!stop.aborted) warn('the database did not take it', error)
      }
    },
    onProblem: problem => warn('the recorder failed', problem),
  })
}
