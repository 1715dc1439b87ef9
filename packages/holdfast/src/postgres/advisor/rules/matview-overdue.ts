import type { ViewLogRow } from '../../views/sql/view-log.sql.ts'
import { isOverdue } from '../../views/view-states.ts'
import type { RuleFacts } from '../facts/rule-facts.ts'
import { countText, spanText } from '../figure-text.ts'
import { quoteQualified } from '../identifier.ts'
import { judgeKnown, manualChange, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Rule `pg/matview-overdue`: a materialized view with a schedule was not refreshed when it was due, as its log says; what it shows is older than it should be. */
export const matviewOverdue: Rule = {
  name: 'pg/matview-overdue',
  judge: facts => judgeKnown(facts.viewLog, log => log.filter(isOverdue).map(row => findingFor(row, facts))),
}

function findingFor(row: ViewLogRow, { server }: RuleFacts): RuleFinding {
  const { schema, name, refreshedAtMs, overdueAtMs, lastOutcome, lastDetail, lastAtMs, refreshCount, meanMs } = row
  const view = quoteQualified(schema, name)
  const age = spanText(server.nowMs - (refreshedAtMs ?? lastAtMs))
  return {
    subject: `${schema}.${name}`,
    title: `materialized view ${name} is ${age} old, and was due ${spanText(server.nowMs - (overdueAtMs ?? server.nowMs))} ago at the latest`,
    severity: 'warning',
    evidence: objectEvidence(
      `${schema}.${name}`,
      [
        { name: 'Last good refresh', value: `${age} ago; ${countText(refreshCount)} in the log, ${spanText(meanMs)} each` },
        { name: 'Last attempt', value: `${spanText(server.nowMs - lastAtMs)} ago: ${lastOutcome}${lastDetail === null ? '' : `, ${lastDetail}`}` },
      ],
      refreshCount,
    ),
    recommendation: manualChange({
      sql: [`REFRESH MATERIALIZED VIEW CONCURRENTLY ${view}`],
      summary: `find out why nobody refreshes ${name}: a process with this view in its schedule has to run, and its last attempt has to be mended`,
      costNote: `one run of the view's query, ${spanText(meanMs)} so far`,
      lockNote: 'REFRESH CONCURRENTLY: EXCLUSIVE on the view, reads go on',
      risk: 'low',
      confidence: 'high',
      why: `\`holdfast db views refresh\` does, and keeps the log and the cache's tags true`,
    }),
    change: { kind: 'manual' },
  }
}
