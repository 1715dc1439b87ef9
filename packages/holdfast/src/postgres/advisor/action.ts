import { type Clock, isHoldfastError, type Logger } from '../../core/index.ts'
import { type AdvisorClient, messageOf, withClient } from './client.ts'
import { type Ledger, openLedger } from './ledger.ts'

/** What the actions on one finding share. */
export interface ActionContext {
  readonly connect: () => Promise<AdvisorClient>
  readonly client: AdvisorClient
  readonly clock: Clock
  readonly ledger: Ledger
  readonly logger: Logger
  /** Gives the change up. */
  readonly signal?: AbortSignal | undefined
  readonly onProgress: (line: string) => void
}

/** Writes a failed action into the audit log, over a connection of its own, because the action's may be what failed. Never throws: the action's error is
 *  the one to hear of. */
export async function logFailure(context: ActionContext, what: string, findingId: string, durationMs: number, error: unknown): Promise<void> {
  const outcome = isHoldfastError(error) ? error.code : 'failed'
  try {
    await withClient(context.connect, async client => {
      const ledger = await openLedger(client, context.ledger, false)
      await ledger.audit({ what, findingId, outcome, durationMs, detail: messageOf(error) })
    })
  } catch (problem) {
    context.logger.warn({ what, findingId, outcome, problem: messageOf(problem) }, 'the audit log could not be written')
  }
}
