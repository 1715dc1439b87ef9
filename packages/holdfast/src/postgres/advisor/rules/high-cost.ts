import type { RuleFacts, RuleStatement } from '../facts/rule-facts.ts'
import { countText, msText, shareText } from '../figure-text.ts'
import { LEAST_SHARE, manualChange, type Rule, type RuleFinding, statementEvidence } from './rule.ts'

/** Means from which on a statement is slow: the limits of the slow statement log. @source design/postgres.md: over 500 ms warns, over 1,000 ms is an error */
export const SLOW_MS = 500
/** As above. */
export const VERY_SLOW_MS = 1000

/** Rule `pg/high-cost`: a statement is slow in the mean. It says where the time goes as far as the counters know; the missing index is another rule. */
export const highCost: Rule = {
  name: 'pg/high-cost',
  judge: facts => ({
    findings: facts.statements
      .filter(({ window, shareOfTime }) => window.meanMs >= SLOW_MS && shareOfTime >= LEAST_SHARE)
      .map(statement => findingFor(statement, facts)),
    unknown: [],
  }),
}

function findingFor(statement: RuleStatement, { windowMs }: RuleFacts): RuleFinding {
  const { window, shareOfTime, blocks } = statement
  const rows = window.rows / Math.max(1, window.calls)
  const perRow = (blocks?.blocksPerCall ?? 0) / Math.max(1, blocks?.rowsPerCall ?? 0)
  return {
    subject: window.queryId,
    title: `a statement takes ${msText(window.meanMs)} in the mean, ${shareText(shareOfTime)} of all statement time`,
    severity: window.meanMs >= VERY_SLOW_MS ? 'warning' : 'info',
    evidence: statementEvidence(statement, windowMs, [
      { name: 'Mean, deviation', value: `${msText(window.meanMs)}, ${msText(window.deviationMs)}, n ${countText(window.calls)} calls` },
      { name: 'Rows returned or changed a call', value: rows.toFixed(1) },
      {
        name: 'Blocks touched',
        value: blocks === undefined ? 'not known' : `${countText(blocks.blocksPerCall)} a call, ${countText(perRow)} for each row`,
      },
      { name: 'Share of statement time', value: shareText(shareOfTime) },
    ]),
    recommendation: manualChange({
      summary:
        perRow >= 100
          ? `it touches ${countText(perRow)} blocks for each row: look at its plan (EXPLAIN (ANALYZE, BUFFERS)) for what is read and thrown away`
          : 'it does not read much for what it returns: ask for fewer rows, compute the answer ahead (a materialized view), or cache it',
      costNote: `${msText((window.totalMs / Math.max(1, windowMs)) * 1000)} of one connection in each second now`,
      lockNote: 'none',
      risk: 'low',
      confidence: 'low',
      why: 'it is a change of the statement',
    }),
    change: { kind: 'manual' },
  }
}
