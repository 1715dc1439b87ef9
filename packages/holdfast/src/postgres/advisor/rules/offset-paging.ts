import type { RuleFacts, RuleStatement } from '../facts/rule-facts.ts'
import { countText, msText, shareText } from '../figure-text.ts'
import { LEAST_SHARE, manualChange, type Rule, type RuleFinding, statementEvidence } from './rule.ts'

/** Blocks touched for each row returned. A page of an index order touches one to three for each row; beyond this the call reads what it throws away. */
export const LEAST_BLOCKS_PER_ROW = 10

/** Rule `pg/offset-paging`: a statement skips rows with OFFSET and touches many blocks for each row that it returns. One that an index of the offered set would serve is
 *  left to that: it may touch them for want of the index, on its first page as on its last. */
export const offsetPaging: Rule = {
  name: 'pg/offset-paging',
  judge: facts => {
    const left = new Set(facts.offered.flatMap(({ targetQueryIds }) => targetQueryIds))
    const far = facts.statements.filter(statement => isFar(statement) && !left.has(statement.window.queryId))
    return { findings: far.map(statement => findingFor(statement, facts)), unknown: [] }
  },
}

function isFar({ traits, shareOfTime, blocks }: RuleStatement): boolean {
  return (
    traits.pagesByOffset &&
    shareOfTime >= LEAST_SHARE &&
    blocks !== undefined &&
    blocks.blocksPerCall >= LEAST_BLOCKS_PER_ROW * Math.max(1, blocks.rowsPerCall)
  )
}

function findingFor(statement: RuleStatement, { windowMs }: RuleFacts): RuleFinding {
  const { window, shareOfTime, blocks } = statement
  const rows = blocks?.rowsPerCall ?? 0
  return {
    subject: window.queryId,
    title: `paging by OFFSET: ${countText(blocks?.blocksPerCall ?? 0)} blocks are read for ${countText(rows)} rows`,
    severity: shareOfTime >= 0.1 ? 'warning' : 'info',
    evidence: statementEvidence(statement, windowMs, [
      { name: 'Blocks touched a call, mean', value: `${countText(blocks?.blocksPerCall ?? 0)}, n ${countText(blocks?.calls ?? 0)} calls` },
      { name: 'Rows returned a call, mean', value: rows.toFixed(1) },
      { name: 'Mean, deviation', value: `${msText(window.meanMs)}, ${msText(window.deviationMs)}: later pages take longer` },
      { name: 'Share of statement time', value: shareText(shareOfTime) },
    ]),
    recommendation: manualChange({
      summary:
        'page by key: remember the last row of the page and ask for what follows it (WHERE (order column, id) > ($1, $2) ORDER BY order column, id LIMIT n), with an index in that order; createKeyset() of holdfast/http does it',
      costNote: 'pages can no longer be jumped to by number; every page then costs what the first costs',
      lockNote: 'none',
      risk: 'low',
      confidence: 'medium',
      why: 'it is a change of the statement and of what the page asks for',
    }),
    change: { kind: 'manual' },
  }
}
