import type { RuleFacts } from '../facts/rule-facts.ts'
import { countText, spanText } from '../figure-text.ts'
import type { SessionRow } from '../sql/sessions.sql.ts'
import { manualChange, type Rule, type RuleFinding } from './rule.ts'
import { hiddenSessions, sessionEvidence } from './session-evidence.ts'

/** Age from which on a transaction of a service is a mistake, or a report that belongs on a replica. Rows that die meanwhile cannot be cleaned anywhere in
 *  the database. @source bench/results of this repository know no transaction of a service above a second; PostgreSQL 18, "Routine Vacuuming" for the effect */
export const LONG_MS = 300_000

/** Rule `pg/long-transaction`: a transaction, or a prepared one that nobody finishes, is open for minutes. Sessions that are idle in theirs are another rule's. */
export const longTransaction: Rule = {
  name: 'pg/long-transaction',
  judge(facts) {
    const { sessions, server } = facts
    if (!sessions.known) return { findings: [], unknown: [sessions] }
    const long = sessions.value.filter(
      ({ state, transactionMs }) => !/^idle in transaction/.test(state ?? '') && transactionMs !== null && server.nowMs - transactionMs >= LONG_MS,
    )
    return { findings: long.map(session => findingFor(session, facts)), unknown: hiddenSessions(sessions.value, server) }
  },
}

function findingFor(session: SessionRow, facts: RuleFacts): RuleFinding {
  const { pid, who, transactionMs, xminAge, writeLockCount } = session
  const { nowMs } = facts.server
  const ageMs = nowMs - (transactionMs ?? nowMs)
  const isPrepared = pid === null
  const dead = facts.tables.known ? facts.tables.value.reduce((sum, table) => sum + table.deadCount, 0) : 0
  const gid = who.replaceAll("'", "''")
  return {
    subject: isPrepared ? `prepared ${who}` : who,
    title: `${isPrepared ? `prepared transaction ${who}` : `a transaction of ${who} (pid ${pid})`} has been open for ${spanText(ageMs)}`,
    severity: isPrepared ? 'critical' : 'warning',
    evidence: sessionEvidence(session, facts, [
      { name: 'Open for', value: spanText(ageMs) },
      { name: 'Transactions since its snapshot', value: countText(xminAge) },
      { name: 'Dead rows in the database', value: `${countText(dead)}, of which those that died since cannot be cleaned` },
      { name: 'Locks on tables against writers or DDL', value: countText(writeLockCount) },
    ]),
    recommendation: manualChange({
      sql: [isPrepared ? `ROLLBACK PREPARED '${gid}'` : `SELECT pg_cancel_backend(${pid})`],
      summary: isPrepared
        ? 'finish it: COMMIT PREPARED or ROLLBACK PREPARED, as its transaction manager says'
        : 'cut it into batches, give it to a replica, or bound it with statement_timeout (transaction_timeout from 17 on)',
      costNote: isPrepared ? 'its changes are lost' : 'the work since it began is lost',
      lockNote: 'none',
      risk: 'high',
      confidence: 'medium',
      why: 'only its program knows whether the transaction may be ended',
    }),
    change: { kind: 'manual' },
  }
}
