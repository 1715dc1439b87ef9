import type { RuleFacts, RuleStatement } from '../facts/rule-facts.ts'
import { bytesText, countText } from '../figure-text.ts'
import type { TableHealthRow } from '../sql/table-health.sql.ts'
import { LEAST_SHARE, manualChange, type Rule, type RuleFinding, statementEvidence } from './rule.ts'

/** Width of a row from which on asking for all of it costs: PostgreSQL moves values out of line once a row passes this, and each then costs reads of its own.
 *  @source PostgreSQL 18, "TOAST": TOAST_TUPLE_THRESHOLD is normally 2 kB */
export const WIDE_ROW_BYTES = 2000

/** Rule `pg/select-star`: `SELECT *` from a table of wide rows. Of narrow rows it costs nothing worth a finding. */
export const selectStar: Rule = {
  name: 'pg/select-star',
  judge: facts => ({
    findings: facts.statements.flatMap(statement => {
      const table = statement.traits.selectsStar && statement.shareOfTime >= LEAST_SHARE ? widestTable(statement, facts) : undefined
      return table === undefined ? [] : [findingFor(statement, table, facts)]
    }),
    unknown: [],
  }),
}

function widestTable({ parsed }: RuleStatement, { catalog, tables }: RuleFacts): TableHealthRow | undefined {
  if (!tables.known) return undefined
  const oids = new Set((parsed.scopes[0]?.tables ?? []).map(ref => catalog.table(ref)?.oid))
  return tables.value.filter(table => oids.has(table.oid) && widthOf(table) >= WIDE_ROW_BYTES).toSorted((a, b) => widthOf(b) - widthOf(a))[0]
}

/** Mean size of a row with what is kept out of line, bytes. */
function widthOf({ rowBytes, toastBytes, rowCount, liveCount }: TableHealthRow): number {
  return (rowBytes ?? 0) + toastBytes / Math.max(1, rowCount, liveCount)
}

function findingFor(statement: RuleStatement, table: TableHealthRow, { windowMs }: RuleFacts): RuleFinding {
  const { window } = statement
  const width = widthOf(table)
  const perSec = windowMs > 0 ? (window.rows * width * 1000) / windowMs : 0
  return {
    subject: window.queryId,
    title: `SELECT * reads all ${table.columnCount} columns of ${table.name}, ${bytesText(width)} a row`,
    severity: 'info',
    evidence: statementEvidence(statement, windowMs, [
      { name: 'Row, mean', value: `${bytesText(width)} in ${table.columnCount} columns` },
      { name: 'Rows returned', value: `${countText(window.rows)} in the window, n ${countText(window.calls)} calls` },
      { name: 'Sent by it', value: `${bytesText(perSec)} a second` },
    ]),
    recommendation: manualChange({
      summary: `name the columns that the program uses; those kept out of line are then not read, and an index may answer alone`,
      costNote: 'none',
      lockNote: 'none',
      risk: 'low',
      confidence: 'low',
      why: 'only the program knows which columns it uses',
    }),
    change: { kind: 'manual' },
  }
}
