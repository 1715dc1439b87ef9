import type { RuleFacts } from '../facts/rule-facts.ts'
import { bytesText, countText, spanText } from '../figure-text.ts'
import { quoteQualified } from '../identifier.ts'
import type { TableHealthRow } from '../sql/table-health.sql.ts'
import { isOff, vacuumTrigger } from './dead-tuples.ts'
import { optionOf } from './low-hot-ratio.ts'
import { judgeKnown, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Dead rows that a table may collect before autovacuum comes. The default of a fifth of the table passes this at five million rows, and the pause between
 *  two vacuums grows with the table from there. @source PostgreSQL 18, autovacuum_vacuum_scale_factor: 0.2; 18 bounds it by autovacuum_vacuum_max_threshold */
export const MOST_TRIGGER_ROWS = 1_000_000

/** Changed rows below which it does not matter that autovacuum is off: a table that is only read. */
export const LEAST_CHANGES = 10_000

/** Rule `pg/autovacuum-settings`: autovacuum is off for a table that changes, or comes only after a million dead rows. */
export const autovacuumSettings: Rule = {
  name: 'pg/autovacuum-settings',
  judge: facts =>
    judgeKnown(facts.tables, tables =>
      tables.flatMap(table => {
        const changes = table.updateCount + table.deleteCount
        if (table.kind !== 'r' || changes < LEAST_CHANGES) return []
        if (isOff(table, facts.server)) return [offFinding(table, changes, facts)]
        return vacuumTrigger(table, facts.server) >= MOST_TRIGGER_ROWS ? [lateFinding(table, changes, facts)] : []
      }),
    ),
}

function offFinding(table: TableHealthRow, changes: number, { server }: RuleFacts): RuleFinding {
  const option = optionOf(table, 'autovacuum_enabled')
  const target = quoteQualified(table.schema, table.name)
  const isOwn = option !== undefined && server.autovacuumOn
  const shared = {
    summary: `let autovacuum work on ${table.name} again`,
    costNote: 'the work of autovacuum, bounded by autovacuum_vacuum_cost_limit; without it the table grows and reads pass dead rows',
    risk: 'low',
    confidence: 'high',
  } as const
  return {
    subject: `${table.schema}.${table.name}`,
    title: `autovacuum is off for ${table.name}, which changed ${countText(changes)} rows`,
    severity: 'warning',
    evidence: objectEvidence(target, figuresOf(table, changes, server), changes),
    recommendation: isOwn
      ? {
          ...shared,
          sql: [`ALTER TABLE ${target} RESET (autovacuum_enabled)`],
          revertSql: [`ALTER TABLE ${target} SET (autovacuum_enabled = ${option})`],
          lockNote: LOCK_NOTE,
        }
      : {
          ...shared,
          sql: ['ALTER SYSTEM SET autovacuum = on', 'SELECT pg_reload_conf()'],
          revertSql: [],
          lockNote: 'none',
          manual: 'it is a setting of the server, not of this database',
        },
    change: { kind: isOwn ? 'table-settings' : 'manual' },
    target: { schema: table.schema, table: table.name },
  }
}

const LOCK_NOTE = 'ALTER TABLE ... SET: SHARE UPDATE EXCLUSIVE for a moment; reads and writes go on'

function lateFinding(table: TableHealthRow, changes: number, { server }: RuleFacts): RuleFinding {
  const target = quoteQualified(table.schema, table.name)
  const trigger = vacuumTrigger(table, server)
  const before = optionOf(table, 'autovacuum_vacuum_scale_factor')
  // A tenth of the bound, so that the table may grow tenfold before the rule speaks again; never below what 1 % of a million rows would be.
  const factor = Number(Math.max(0.0001, MOST_TRIGGER_ROWS / 10 / Math.max(1, table.rowCount)).toPrecision(1))
  return {
    subject: `${table.schema}.${table.name}`,
    title: `autovacuum comes to ${table.name} only after ${countText(trigger)} dead rows`,
    severity: 'info',
    evidence: objectEvidence(target, figuresOf(table, changes, server), changes),
    recommendation: {
      sql: [`ALTER TABLE ${target} SET (autovacuum_vacuum_scale_factor = ${factor})`],
      revertSql: [
        `ALTER TABLE ${target} ${before === undefined ? 'RESET (autovacuum_vacuum_scale_factor)' : `SET (autovacuum_vacuum_scale_factor = ${before})`}`,
      ],
      summary: `let autovacuum come to ${table.name} after about ${countText(server.vacuumThreshold + factor * table.rowCount)} dead rows`,
      costNote: `more and shorter vacuums, each reading the indexes once; the table is ${bytesText(table.pageCount * server.blockBytes)}`,
      lockNote: LOCK_NOTE,
      risk: 'low',
      confidence: 'medium',
    },
    change: { kind: 'table-settings' },
    target: { schema: table.schema, table: table.name },
  }
}

function figuresOf(table: TableHealthRow, changes: number, server: RuleFacts['server']): { name: string; value: string }[] {
  return [
    { name: 'Rows', value: countText(Math.max(0, table.rowCount)) },
    { name: 'Updated or deleted', value: `${countText(changes)} since the counters were reset` },
    { name: 'Dead now', value: countText(table.deadCount) },
    { name: 'Autovacuum starts at', value: `${countText(vacuumTrigger(table, server))} dead rows` },
    { name: 'Last vacuum', value: table.vacuumedMs === null ? 'never' : `${spanText(server.nowMs - table.vacuumedMs)} ago` },
  ]
}
