import type { RuleFacts } from '../facts/rule-facts.ts'
import { bytesText, countText, shareText, spanText } from '../figure-text.ts'
import { quoteQualified } from '../identifier.ts'
import type { TableHealthRow } from '../sql/table-health.sql.ts'
import { optionOf } from './low-hot-ratio.ts'
import { judgeKnown, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Rows from which on a wrong plan is felt. */
export const LEAST_ROWS = 10_000

/** Changes over what starts an automatic ANALYZE: at twice that it had its chance. */
export const TIMES_TRIGGER = 2

/** Time since the last ANALYZE within which autovacuum, which looks once a minute, may not have come yet; and within which what one session wrote before
 *  its own ANALYZE may still be counted as written after it. @source PostgreSQL 18, autovacuum_naptime: 1 min */
export const SETTLED_MS = 600_000

/** Rule `pg/stale-statistics`: the planner's numbers are of another table than today's: never taken, or much has changed since.
 *  @source PostgreSQL 18, "Updating Planner Statistics", analyze threshold */
export const staleStatistics: Rule = {
  name: 'pg/stale-statistics',
  judge: facts => judgeKnown(facts.tables, tables => tables.filter(table => isStale(table, facts)).map(table => findingFor(table, facts))),
}

function isStale(table: TableHealthRow, { server }: RuleFacts): boolean {
  if (Math.max(table.rowCount, table.liveCount) < LEAST_ROWS) return false
  if (table.analyzedMs === null && table.rowCount < 0) return true
  if (table.analyzedMs !== null && server.nowMs - table.analyzedMs < SETTLED_MS) return false
  return table.changedSinceAnalyze >= LEAST_ROWS && table.changedSinceAnalyze >= TIMES_TRIGGER * analyzeTrigger(table, server)
}

function analyzeTrigger(table: TableHealthRow, server: RuleFacts['server']): number {
  const threshold = Number(optionOf(table, 'autovacuum_analyze_threshold') ?? server.analyzeThreshold)
  const factor = Number(optionOf(table, 'autovacuum_analyze_scale_factor') ?? server.analyzeScaleFactor)
  return threshold + factor * Math.max(0, table.rowCount)
}

function findingFor(table: TableHealthRow, { server }: RuleFacts): RuleFinding {
  const { schema, name, changedSinceAnalyze, liveCount, analyzedMs } = table
  const share = changedSinceAnalyze / Math.max(1, liveCount)
  const never = analyzedMs === null
  return {
    subject: `${schema}.${name}`,
    title: never
      ? `${name} has never been analyzed: the planner guesses its ${countText(liveCount)} rows`
      : `${countText(changedSinceAnalyze)} rows of ${name} have changed since its statistics were taken`,
    severity: 'warning',
    evidence: objectEvidence(
      `${schema}.${name}`,
      [
        { name: 'Changed since', value: `${countText(changedSinceAnalyze)} rows, ${shareText(share)} of ${countText(liveCount)}` },
        { name: 'An automatic ANALYZE starts at', value: countText(analyzeTrigger(table, server)) },
        { name: 'Last ANALYZE', value: never ? 'never' : `${spanText(server.nowMs - analyzedMs)} ago` },
        {
          name: 'Rows by the statistics, and by the counters',
          value: `${table.rowCount < 0 ? 'none' : countText(table.rowCount)}, ${countText(liveCount)}`,
        },
      ],
      changedSinceAnalyze,
    ),
    recommendation: {
      sql: [`ANALYZE ${quoteQualified(schema, name)}`],
      revertSql: [],
      summary: `take the statistics of ${name} anew`,
      costNote: `reads a sample of 30,000 rows by default (the table: ${bytesText(table.pageCount * server.blockBytes)}); plans may change`,
      lockNote: 'ANALYZE: SHARE UPDATE EXCLUSIVE; reads and writes go on',
      risk: 'low',
      confidence: 'high',
    },
    change: { kind: 'maintain' },
    target: { schema, table: name },
  }
}
