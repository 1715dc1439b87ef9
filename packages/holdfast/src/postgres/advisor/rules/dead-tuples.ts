import type { RuleFacts } from '../facts/rule-facts.ts'
import { countText, shareText, spanText } from '../figure-text.ts'
import { quoteQualified } from '../identifier.ts'
import type { TableHealthRow } from '../sql/table-health.sql.ts'
import { optionOf } from './low-hot-ratio.ts'
import { judgeKnown, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Dead rows from which on a VACUUM is worth its reading. */
export const LEAST_DEAD = 10_000

/** Dead rows over what starts an autovacuum: at twice that it had its chance and did not come, or could not keep up. */
export const TIMES_TRIGGER = 2

/** Rule `pg/dead-tuples`: dead rows have piled up beyond what autovacuum should let stand. @source PostgreSQL 18, "The Autovacuum Daemon", vacuum threshold */
export const deadTuples: Rule = {
  name: 'pg/dead-tuples',
  judge: facts =>
    judgeKnown(facts.tables, tables =>
      tables
        .filter(table => table.deadCount >= LEAST_DEAD && table.deadCount >= TIMES_TRIGGER * vacuumTrigger(table, facts.server))
        .map(table => findingFor(table, facts)),
    ),
}

/** Dead rows at which autovacuum starts on the table. */
export function vacuumTrigger(table: Pick<TableHealthRow, 'options' | 'rowCount'>, server: RuleFacts['server']): number {
  const threshold = Number(optionOf(table, 'autovacuum_vacuum_threshold') ?? server.vacuumThreshold)
  const factor = Number(optionOf(table, 'autovacuum_vacuum_scale_factor') ?? server.vacuumScaleFactor)
  return threshold + factor * Math.max(0, table.rowCount)
}

function findingFor(table: TableHealthRow, { server, sessions }: RuleFacts): RuleFinding {
  const { schema, name, deadCount, liveCount } = table
  const trigger = vacuumTrigger(table, server)
  const holder = sessions.known ? sessions.value.toSorted((a, b) => b.xminAge - a.xminAge)[0] : undefined
  const share = deadCount / Math.max(1, deadCount + liveCount)
  const last = table.vacuumedMs === null ? 'never' : `${spanText(server.nowMs - table.vacuumedMs)} ago`
  const held =
    holder !== undefined && holder.xminAge > 0 ? `${holder.who} (${holder.pid === null ? 'prepared transaction' : `pid ${holder.pid}`})` : 'none seen'
  const figures = [
    { name: 'Dead rows', value: `${countText(deadCount)}, ${shareText(share)} of all` },
    { name: 'Autovacuum starts at', value: `${countText(trigger)} dead rows` },
    { name: 'Last vacuum', value: last },
    { name: 'Autovacuum', value: isOff(table, server) ? 'off for this table' : 'on' },
    { name: 'Oldest snapshot that VACUUM must spare', value: sessions.known ? held : `not known: ${sessions.why}` },
  ]
  return {
    subject: `${schema}.${name}`,
    title: `${countText(deadCount)} dead rows in ${name}, ${(deadCount / Math.max(1, trigger)).toFixed(1)} x what starts an autovacuum`,
    severity: 'warning',
    evidence: objectEvidence(`${schema}.${name}`, figures, deadCount),
    recommendation: {
      sql: [`VACUUM (ANALYZE) ${quoteQualified(schema, name)}`],
      revertSql: [],
      summary: `VACUUM ${name}, and let autovacuum come sooner; rows that an open snapshot may still see stay`,
      costNote: `reads the ${countText(table.pageCount)} pages that are not all-visible, and every index once`,
      lockNote:
        'VACUUM: SHARE UPDATE EXCLUSIVE; reads and writes go on, other DDL on the table waits. It may take the table for a moment to cut empty pages off its end.',
      risk: 'low',
      confidence: 'high',
    },
    change: { kind: 'maintain' },
    target: { schema, table: name },
  }
}

/** Whether autovacuum leaves the table alone. */
export function isOff(table: Pick<TableHealthRow, 'options'>, server: RuleFacts['server']): boolean {
  return !server.autovacuumOn || /^(false|off|no|0)$/i.test(optionOf(table, 'autovacuum_enabled') ?? 'true')
}
