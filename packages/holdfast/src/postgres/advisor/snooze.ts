import { type Finding, moveFinding } from '../../core/index.ts'
import type { ActionContext } from './action.ts'
import { advisorErrors } from './errors.ts'
import type { LedgerEntry } from './ledger.ts'

/** Puts a finding aside for a time. It is found again with its numbers meanwhile, but stays snoozed; after that it is open again. */
export async function snoozeFinding({ clock, ledger }: ActionContext, entry: LedgerEntry, forMs: number, reason?: string): Promise<Finding> {
  const { finding } = entry
  if (finding.state !== 'open' && finding.state !== 'snoozed') {
    throw advisorErrors.create('HF_PG_FINDING_STATE', `finding ${finding.id} is ${finding.state}; only an open one can be snoozed`, {
      context: { id: finding.id, state: finding.state },
    })
  }
  const atMs = clock.nowMs()
  const until = `until ${new Date(atMs + forMs).toISOString()}`
  const note = reason === undefined ? until : `${until}: ${reason}`
  const event = { atMs, state: 'snoozed' as const, note }
  const moved = finding.state === 'open' ? moveFinding(finding, 'snoozed', note, atMs) : { ...finding, history: [...finding.history, event] }
  const snoozed = { ...moved, snoozedUntilMs: atMs + forMs }
  await ledger.save({ ...entry, finding: snoozed })
  await ledger.audit({ what: 'snooze', findingId: finding.id, outcome: 'done', durationMs: 0, detail: note })
  return snoozed
}
