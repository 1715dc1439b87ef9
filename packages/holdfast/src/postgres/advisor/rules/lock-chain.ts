import type { RuleFacts } from '../facts/rule-facts.ts'
import { countText, spanText } from '../figure-text.ts'
import type { LockWaitRow } from '../sql/lock-waits.sql.ts'
import { manualChange, objectEvidence, type Rule, type RuleFinding } from './rule.ts'
import { sessionEvidence } from './session-evidence.ts'

/** A wait from which on the holder does not merely finish its statement. @source PostgreSQL 18, deadlock_timeout: 1 s is "the smallest value to set in
 *  practice" before a wait is looked into; five of them are no coincidence of load */
export const LONG_WAIT_MS = 5000

/** Rule `pg/lock-chain`: sessions wait for a lock, and one session at the head of the chain is what they all wait for. */
export const lockChain: Rule = {
  name: 'pg/lock-chain',
  judge(facts) {
    const { lockWaits, server } = facts
    if (!lockWaits.known) return { findings: [], unknown: [lockWaits] }
    const long = lockWaits.value.filter(({ sinceMs }) => sinceMs !== null && server.nowMs - sinceMs >= LONG_WAIT_MS)
    const byHead = new Map<number, LockWaitRow[]>()
    for (const wait of long) {
      for (const head of headsOf(wait, lockWaits.value)) byHead.set(head, [...(byHead.get(head) ?? []), wait])
    }
    return { findings: [...byHead].map(([head, waits]) => findingFor(head, waits, facts)), unknown: [] }
  },
}

/** Who stands at the head of the queue that this one waits in. 0 stands for a prepared transaction. */
export function headsOf(wait: LockWaitRow, waits: readonly LockWaitRow[]): ReadonlySet<number> {
  const heads = new Set<number>()
  const seen = new Set<number>([wait.pid])
  const queue = [...wait.blockingPids]
  for (let pid = queue.pop(); pid !== undefined; pid = queue.pop()) {
    if (seen.has(pid)) continue
    seen.add(pid)
    const own = waits.find(other => other.pid === pid)
    if (own === undefined) heads.add(pid)
    else queue.push(...own.blockingPids)
  }
  return heads
}

function findingFor(head: number, waits: readonly LockWaitRow[], facts: RuleFacts): RuleFinding {
  const { nowMs } = facts.server
  const session = facts.sessions.known ? facts.sessions.value.find(({ pid }) => pid === head) : undefined
  const who = session?.who ?? (head === 0 ? 'a prepared transaction' : 'unknown')
  const longestMs = Math.max(...waits.map(({ sinceMs }) => nowMs - (sinceMs ?? nowMs)))
  const wanted = [...new Set(waits.map(({ relation, mode }) => `${relation ?? 'a row or transaction'} (${mode})`))].slice(0, 5).join(', ')
  const figures = [
    { name: 'Sessions that wait', value: `${countText(waits.length)}, the longest for ${spanText(longestMs)}` },
    { name: 'For', value: wanted },
    { name: 'At the head', value: `${who} (pid ${head}), ${session?.state ?? 'state not known'}` },
    { name: 'Its transaction is open for', value: session?.transactionMs == null ? 'not known' : spanText(nowMs - session.transactionMs) },
  ]
  return {
    subject: who,
    title: `${countText(waits.length)} session(s) wait for a lock of ${who} (pid ${head}), the longest for ${spanText(longestMs)}`,
    severity: 'critical',
    evidence: session === undefined ? objectEvidence(`${who} (pid ${head})`, figures, waits.length) : { ...sessionEvidence(session, facts, figures) },
    recommendation: manualChange({
      sql: head === 0 ? [] : [`SELECT pg_terminate_backend(${head})`],
      summary: `let ${who} commit, or end it; give DDL a lock_timeout, so that it gives up instead of standing before everybody`,
      costNote: 'the transaction at the head is lost when it is ended',
      lockNote: 'none',
      risk: 'medium',
      confidence: 'high',
      why: 'only its program knows whether the transaction may be ended',
    }),
    change: { kind: 'manual' },
  }
}
