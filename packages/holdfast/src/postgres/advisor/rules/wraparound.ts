import type { RuleFacts } from '../facts/rule-facts.ts'
import { bytesText, countText } from '../figure-text.ts'
import { quoteQualified } from '../identifier.ts'
import type { TableHealthRow } from '../sql/table-health.sql.ts'
import { optionOf } from './low-hot-ratio.ts'
import { judgeKnown, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** An anti-wraparound vacuum begins at autovacuum_freeze_max_age; at half as much again it has not been able to finish. */
export const TIMES_FREEZE_AGE = 1.5

/** Rule `pg/wraparound`: the oldest row of a table is far older than what forces a vacuum, so that vacuum is held up. At about 2.1 billion transactions the
 *  server takes no writes. Critical from vacuum_failsafe_age on, where vacuum drops all else to finish.
 *  @source PostgreSQL 18, "Preventing Transaction ID Wraparound Failures"; vacuum_failsafe_age: 1.6 billion */
export const wraparound: Rule = {
  name: 'pg/wraparound',
  judge: facts =>
    judgeKnown(facts.tables, tables =>
      tables.filter(table => table.xidAge > TIMES_FREEZE_AGE * freezeAge(table, facts.server)).map(table => findingFor(table, facts)),
    ),
}

function freezeAge(table: TableHealthRow, { freezeMaxAge }: RuleFacts['server']): number {
  return Math.min(freezeMaxAge, Number(optionOf(table, 'autovacuum_freeze_max_age') ?? freezeMaxAge))
}

function findingFor(table: TableHealthRow, { server, sessions }: RuleFacts): RuleFinding {
  const { schema, name, xidAge } = table
  const holder = sessions.known ? sessions.value.toSorted((a, b) => b.xminAge - a.xminAge)[0] : undefined
  const figures = [
    { name: 'Age of the oldest row', value: `${countText(xidAge)} transactions` },
    { name: 'A vacuum is forced at', value: countText(freezeAge(table, server)) },
    { name: 'Writes stop at about', value: '2,100 million' },
    { name: 'Age of the database', value: `${countText(server.databaseXidAge)} transactions, ${countText(server.databaseMultixactAge)} multixacts` },
    {
      name: 'Oldest snapshot',
      value:
        holder === undefined
          ? 'none seen'
          : `${countText(holder.xminAge)} transactions old, ${holder.who}${holder.pid === null ? '' : ` (pid ${holder.pid})`}`,
    },
  ]
  return {
    subject: `${schema}.${name}`,
    title: `the oldest row of ${name} is ${countText(xidAge)} transactions old: vacuum cannot freeze it`,
    severity: xidAge >= server.failsafeAge ? 'critical' : 'warning',
    evidence: objectEvidence(`${schema}.${name}`, figures, xidAge),
    recommendation: {
      sql: [`VACUUM (FREEZE) ${quoteQualified(schema, name)}`],
      revertSql: [],
      summary: `end what holds the old snapshot (a transaction, a prepared transaction, a replication slot), then freeze ${name}`,
      costNote: `reads the table, ${bytesText(table.pageCount * server.blockBytes)}, and writes the pages that hold rows not frozen yet`,
      lockNote: 'VACUUM: SHARE UPDATE EXCLUSIVE; reads and writes go on, other DDL on the table waits',
      risk: 'low',
      confidence: 'high',
    },
    change: { kind: 'maintain' },
    target: { schema, table: name },
  }
}
