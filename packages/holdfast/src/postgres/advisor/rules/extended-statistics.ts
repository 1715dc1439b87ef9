import type { CorrelatedColumns, RuleFacts } from '../facts/rule-facts.ts'
import { countText } from '../figure-text.ts'
import { quoteIdent, quoteQualified } from '../identifier.ts'
import { objectEvidence, type Rule, type RuleFinding } from './rule.ts'
import { statisticsNameFor } from './statistics-name.ts'

/** Estimates off by more than this choose other joins and scans. @source design/postgres.md: extended statistics where estimates are off 10 x */
export const OFF_BY = 10

/** Rows of the sample that a combination must have, for its share to be known within a third. */
export const LEAST_SAMPLED = 10

/** Rule `pg/extended-statistics`: statements compare columns whose values depend on each other, and the planner, which multiplies their shares, expects a
 *  tenth of the rows or less. Measured with the most frequent combinations of a sample, planned by the server as they are. */
export const extendedStatistics: Rule = {
  name: 'pg/extended-statistics',
  judge: facts => ({ findings: facts.correlated.flatMap(columns => findingsFor(columns, facts)), unknown: [] }),
}

/** How far the planner is off, the median of the combinations; 1 with fewer than `LEAST_SAMPLED` rows each. */
export function offBy({ combinations }: CorrelatedColumns): number {
  const ratios = combinations
    .filter(({ sampleCount }) => sampleCount >= LEAST_SAMPLED)
    .map(({ actualRows, plannedRows }) => actualRows / Math.max(1, plannedRows))
    .sort((a, b) => a - b)
  return ratios[Math.floor((ratios.length - 1) / 2)] ?? 1
}

function findingsFor(found: CorrelatedColumns, { windows, windowMs }: RuleFacts): RuleFinding[] {
  const ratio = offBy(found)
  if (ratio < OFF_BY) return []
  const { schema, table, columns, combinations, sampledRows, tableRows, queryIds } = found
  const name = statisticsNameFor(table, columns)
  const calls = queryIds.reduce((sum, queryId) => sum + (windows.get(queryId)?.calls ?? 0), 0)
  const [first] = combinations
  const list = columns.map(quoteIdent).join(', ')
  return [
    {
      subject: `${schema}.${table}(${columns.join(', ')})`,
      title: `the planner expects ${countText(ratio)} x too few rows of ${table} by ${columns.join(' and ')}: they depend on each other`,
      severity: 'warning',
      evidence: objectEvidence(
        `${schema}.${table} (${columns.join(', ')})`,
        [
          { name: 'Off by, median', value: `${countText(ratio)} x, n ${combinations.length} combinations` },
          {
            name: 'The most frequent one',
            value: `${countText(first?.actualRows ?? 0)} rows by the sample, ${countText(first?.plannedRows ?? 0)} by the plan`,
          },
          { name: 'Sample', value: `${countText(sampledRows)} of ${countText(tableRows)} rows` },
          { name: 'Statements that compare them', value: `${queryIds.length}, ${countText(calls)} calls in the window` },
        ],
        sampledRows,
        windowMs,
      ),
      recommendation: {
        sql: [
          `CREATE STATISTICS ${quoteQualified(schema, name)} (dependencies, mcv) ON ${list} FROM ${quoteQualified(schema, table)}`,
          `ANALYZE ${quoteQualified(schema, table)}`,
        ],
        revertSql: [`DROP STATISTICS ${quoteQualified(schema, name)}`],
        summary: `tell the planner that ${columns.join(' and ')} go together`,
        costNote: 'some kB, and a little more work for each ANALYZE; plans of statements on these columns may change',
        lockNote: 'CREATE STATISTICS and ANALYZE: SHARE UPDATE EXCLUSIVE; reads and writes go on',
        risk: 'low',
        confidence: 'medium',
      },
      change: { kind: 'create-statistics', name },
      target: { schema, table },
      queryIds,
    },
  ]
}
