import { isHoldfastError } from '../../core/index.ts'
import { type AdvisorClient, messageOf, withClient } from '../advisor/client.ts'
import { WRITE_AUDIT } from '../advisor/sql/ledger-rows.sql.ts'
import type { UpkeepDeps } from './upkeep-session.ts'

/** One action for the audit log. */
export interface AuditedAction<T> {
  /** `archive`, `refresh` or `vacuum`. */
  readonly what: string
  /** Name of the policy, view or table. */
  readonly subject: string
  /** One line about a result. `undefined`: nothing was done, so nothing is logged. */
  readonly describe: (result: T) => string | undefined
  /** Failures that are no affair of the log. Default: none. */
  readonly isSilent?: (error: unknown) => boolean
}

/** Runs `work` and writes into the audit log how it went: over `client` when it went well, else over a connection of its own, because that one may be what
 *  failed. A log that cannot be written is a warning, not a failure of the work. */
export async function audited<T>(deps: UpkeepDeps, client: AdvisorClient, action: AuditedAction<T>, work: () => Promise<T>): Promise<T> {
  const { what, subject, describe, isSilent } = action
  const startedMs = deps.clock.monotonicMs()
  const write = async (outcome: string, detail: string, log: (values: unknown[]) => Promise<unknown>): Promise<void> => {
    try {
      await log([what, subject, outcome, deps.clock.monotonicMs() - startedMs, detail])
    } catch (problem) {
      deps.logger.warn({ what, subject, outcome, problem: messageOf(problem) }, 'the audit log could not be written')
    }
  }
  try {
    const result = await work()
    const detail = describe(result)
    if (detail !== undefined) await write('done', detail, values => client.query(WRITE_AUDIT, values))
    return result
  } catch (error) {
    const log = (values: unknown[]): Promise<unknown> => withClient(deps.connect, fresh => fresh.query(WRITE_AUDIT, values))
    if (isSilent?.(error) !== true) await write(isHoldfastError(error) ? error.code : 'failed', messageOf(error), log)
    throw error
  }
}

/** A line of the audit log. */
export interface AuditLine {
  readonly what: string
  readonly subject: string
  /** `done`, or the code of the error. */
  readonly outcome: string
  readonly tookMs: number
  readonly detail: string
}

/** One line of the audit log by somebody who does the work elsewhere, on a connection of its own, which is closed.
 *  @throws the driver's error, for example when there is no audit log yet */
export async function writeAuditLine(connect: () => Promise<AdvisorClient>, line: AuditLine): Promise<void> {
  const { what, subject, outcome, tookMs, detail } = line
  await withClient(connect, client => client.query(WRITE_AUDIT, [what, subject, outcome, tookMs, detail]))
}
