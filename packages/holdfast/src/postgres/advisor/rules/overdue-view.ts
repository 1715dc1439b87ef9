import { countText, msText, spanText } from '../figure-text.ts'
import { quoteQualified } from '../identifier.ts'
import type { ViewRefreshRow } from '../sql/view-refreshes.sql.ts'
import { manualChange, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Rule `pg/overdue-view`: the last good refresh of a materialized view is older than its schedule allows. Only of views that Holdfast refreshes: PostgreSQL keeps
 *  no time of a refresh. The moment comes from the view's own schedule, so there is no threshold here. */
export const overdueView: Rule = {
  name: 'pg/overdue-view',
  judge({ viewRefreshes, server }) {
    // Without the log no view is refreshed by Holdfast, and nothing is missing.
    if (!viewRefreshes.known) return { findings: [], unknown: viewRefreshes.grant === undefined ? [] : [viewRefreshes] }
    const overdue = viewRefreshes.value.filter(({ overdueMs }) => overdueMs !== null && server.nowMs >= overdueMs)
    return { findings: overdue.map(view => findingFor(view, server.nowMs)), unknown: [] }
  },
}

function findingFor(view: ViewRefreshRow, nowMs: number): RuleFinding {
  const { schema, name, refreshedMs, overdueMs, durationMs, rowCount, failedSince, lastOutcome, hasUniqueIndex } = view
  const target = quoteQualified(schema, name)
  return {
    subject: `${schema}.${name}`,
    title: `materialized view ${name} was refreshed ${spanText(nowMs - refreshedMs)} ago and is overdue for ${spanText(nowMs - (overdueMs ?? nowMs))}`,
    severity: 'warning',
    evidence: objectEvidence(
      `${schema}.${name}`,
      [
        { name: 'Last good refresh', value: `${spanText(nowMs - refreshedMs)} ago, ${durationMs === null ? 'time not known' : msText(durationMs)}` },
        { name: 'Rows', value: rowCount === null ? 'not known' : countText(rowCount) },
        {
          name: 'Attempts since',
          value: failedSince === 0 ? 'none: nothing runs its schedule' : `${countText(failedSince)}, the last one: ${lastOutcome ?? 'under way'}`,
        },
      ],
      failedSince + 1,
      nowMs - refreshedMs,
    ),
    recommendation: manualChange({
      sql: [`REFRESH MATERIALIZED VIEW ${hasUniqueIndex ? 'CONCURRENTLY ' : ''}${target}`],
      summary:
        failedSince === 0
          ? 'see that a process runs its schedule; until then refresh it by hand'
          : `mend what its refreshes fail with (${lastOutcome ?? 'not known'})`,
      costNote: durationMs === null ? 'the time of its query' : `${msText(durationMs)} the last time`,
      lockNote: hasUniqueIndex
        ? 'REFRESH ... CONCURRENTLY: EXCLUSIVE; reads go on'
        : 'REFRESH: ACCESS EXCLUSIVE; nobody reads it meanwhile. A unique index on plain columns would let it run CONCURRENTLY.',
      risk: 'low',
      confidence: 'high',
      why: 'its schedule, its lock against two refreshes at once and the tags to drop after it belong to the process that runs it',
    }),
    change: { kind: 'manual' },
  }
}
