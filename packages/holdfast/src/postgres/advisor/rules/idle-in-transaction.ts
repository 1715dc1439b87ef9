import type { RuleFacts } from '../facts/rule-facts.ts'
import { countText, spanText } from '../figure-text.ts'
import { quoteIdent } from '../identifier.ts'
import type { SessionRow } from '../sql/sessions.sql.ts'
import { manualChange, type Rule, type RuleFinding } from './rule.ts'
import { hiddenSessions, sessionEvidence } from './session-evidence.ts'

/** Time between two statements of one transaction from which on a program has forgotten it, or waits for something outside the database.
 *  @source check_postgres, action txn_idle: its example warns at 15 s; four times that leaves out slow calls to others */
export const IDLE_TOO_LONG_MS = 60_000

/** From here on it is held as harmful: VACUUM has been kept from cleaning for that long. */
export const IDLE_CRITICAL_MS = 600_000

/** Rule `pg/idle-in-transaction`: a session has an open transaction and does nothing. It keeps its locks, and VACUUM from cleaning what its snapshot may see. */
export const idleInTransaction: Rule = {
  name: 'pg/idle-in-transaction',
  judge(facts) {
    const { sessions, server } = facts
    if (!sessions.known) return { findings: [], unknown: [sessions] }
    const idle = sessions.value.filter(
      ({ state, stateMs }) => /^idle in transaction/.test(state ?? '') && server.nowMs - (stateMs ?? server.nowMs) >= IDLE_TOO_LONG_MS,
    )
    const byProgram = new Map<string, SessionRow[]>()
    for (const session of idle) byProgram.set(session.who, [...(byProgram.get(session.who) ?? []), session])
    return { findings: [...byProgram].map(([who, group]) => findingFor(who, group, facts)), unknown: hiddenSessions(sessions.value, server) }
  },
}

function findingFor(who: string, group: readonly SessionRow[], facts: RuleFacts): RuleFinding {
  const { nowMs, database } = facts.server
  const longest = group.toSorted((a, b) => (a.stateMs ?? 0) - (b.stateMs ?? 0))[0]!
  const idleMs = nowMs - (longest.stateMs ?? nowMs)
  const locks = group.reduce((sum, session) => sum + session.writeLockCount, 0)
  return {
    subject: who,
    title: `${group.length} session(s) of ${who} idle in a transaction, the longest for ${spanText(idleMs)}`,
    severity: locks > 0 || idleMs >= IDLE_CRITICAL_MS ? 'critical' : 'warning',
    evidence: sessionEvidence(longest, facts, [
      { name: 'Sessions', value: countText(group.length) },
      { name: 'Idle for, longest', value: `${spanText(idleMs)} (pid ${longest.pid})` },
      { name: 'Locks on tables against writers or DDL', value: countText(locks) },
      { name: 'Transactions since its snapshot', value: countText(longest.xminAge) },
    ]),
    recommendation: manualChange({
      sql: [`SELECT pg_terminate_backend(${longest.pid})`, `ALTER DATABASE ${quoteIdent(database)} SET idle_in_transaction_session_timeout = '60s'`],
      summary: `find where ${who} waits between two statements of a transaction (its last one is shown) and end the transaction before; a time-out bounds what is left`,
      costNote: 'a session that is ended loses its transaction; the time-out ends every transaction that pauses for longer',
      lockNote: 'none',
      risk: 'medium',
      confidence: 'high',
      why: 'only its program knows whether the transaction may be ended',
    }),
    change: { kind: 'manual' },
  }
}
