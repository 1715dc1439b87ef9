import { type Clock, isHoldfastError, type Logger } from 'holdfast/core'
import { type AdvisorClient, writeAuditLine } from 'holdfast/postgres'
import type { Role } from './auth/console-auth.ts'

/** Who asked for what of what. */
export interface AuditedAction {
  /** As in the log, for example `jobs.drain`. */
  readonly what: string
  /** The queue, the CDN, the id: no data of users. */
  readonly subject: string
  readonly role: Role
}

/** Runs `work` and keeps in the database's audit log how it went. A log that cannot be written is a warning, not a failure of the work; without a database there is none. */
export type AuditTrail = <T>(action: AuditedAction, describe: (result: T) => string, work: () => Promise<T>) => Promise<T>

/** A trail over `connect`, if there is one. 1 connection and 1 statement an action. */
export function createAuditTrail(
  connect: (() => Promise<AdvisorClient>) | undefined,
  { clock, logger }: { clock: Clock; logger: Logger },
): AuditTrail {
  return async ({ what, subject, role }, describe, work) => {
    const startedMs = clock.monotonicMs()
    const write = async (outcome: string, detail: string): Promise<void> => {
      if (connect === undefined) return
      const line = { what, subject, outcome, tookMs: clock.monotonicMs() - startedMs, detail: `${detail}; by the console, role ${role}` }
      await writeAuditLine(connect, line).catch((error: unknown) =>
        logger.warn({ what, subject, outcome, problem: (error as Error).message }, 'the audit log could not be written; see `holdfast db schema`'),
      )
    }
    try {
      const result = await work()
      await write('done', describe(result))
      return result
    } catch (error) {
      await write(isHoldfastError(error) ? error.code : 'failed', (error as Error).message)
      throw error
    }
  }
}
