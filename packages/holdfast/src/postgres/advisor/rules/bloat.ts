import type { RuleFacts } from '../facts/rule-facts.ts'
import { bytesText, countText, shareText } from '../figure-text.ts'
import { quoteQualified } from '../identifier.ts'
import type { TableHealthRow } from '../sql/table-health.sql.ts'
import { optionOf } from './low-hot-ratio.ts'
import { judgeKnown, manualChange, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Smaller tables fit into any cache, whatever they waste. */
export const LEAST_WASTED_BYTES: number = 16 * 1024 ** 2

/** Share of the table that is neither a live row nor the room that fillfactor asks for. A table under steady updates settles well below half. */
export const BLOATED_SHARE = 0.5

/** Header of a row with its null bitmap, and its line pointer. @source PostgreSQL 18, "Database Page Layout": 23 bytes, padded to 24, and 4 */
const ROW_OVERHEAD_BYTES = 28
/** Header of a page, the same source. */
const PAGE_HEADER_BYTES = 24
/** Rows are padded to this. */
const ALIGNMENT_BYTES = 8

/** Rule `pg/bloat`: most of a table's pages are air. An estimate from the statistics, which wide columns kept out of line and padding between columns blur;
 *  where pgstattuple is installed and may be called, what it measures decides. */
export const bloat: Rule = {
  name: 'pg/bloat',
  judge: facts =>
    judgeKnown(facts.tables, tables =>
      tables.flatMap(table => {
        const estimate = estimateWaste(table, facts.server.blockBytes)
        if (estimate === undefined || !isBloated(estimate)) return []
        const measured = facts.measuredWaste.known ? facts.measuredWaste.value.get(table.oid) : undefined
        return measured !== undefined && !isBloated(measured) ? [] : [findingFor(table, estimate, measured, facts)]
      }),
    ),
}

interface Waste {
  readonly tableBytes: number
  readonly wastedBytes: number
}

/** What the table would be without air, by its rows' mean width. `undefined` where a column has no statistics. */
export function estimateWaste(table: TableHealthRow, blockBytes: number): Waste | undefined {
  const { rowCount, rowBytes, columnCount, columnsWithStatistics } = table
  if (rowBytes === null || rowCount <= 0 || columnsWithStatistics < columnCount) return undefined
  const rowSize = Math.ceil((rowBytes + ROW_OVERHEAD_BYTES) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES
  const usable = (blockBytes - PAGE_HEADER_BYTES) * (Number(optionOf(table, 'fillfactor') ?? 100) / 100)
  const perPage = Math.max(1, Math.floor(usable / rowSize))
  const tableBytes = table.pageCount * blockBytes
  return { tableBytes, wastedBytes: Math.max(0, tableBytes - Math.ceil(rowCount / perPage) * blockBytes) }
}

/** Whether the waste is worth a rewrite. */
export function isBloated({ tableBytes, wastedBytes }: Waste): boolean {
  return wastedBytes >= LEAST_WASTED_BYTES && wastedBytes >= BLOATED_SHARE * tableBytes
}

function findingFor(table: TableHealthRow, estimate: Waste, measured: Waste | undefined, facts: RuleFacts): RuleFinding {
  const { schema, name } = table
  const { tableBytes, wastedBytes } = measured ?? estimate
  const how = facts.measuredWaste.known ? 'pgstattuple has no measurement of it' : facts.measuredWaste.why
  const figures = [
    { name: 'Size', value: `${bytesText(tableBytes)}, ${countText(table.rowCount)} rows` },
    {
      name: 'Estimated waste',
      value: `${bytesText(estimate.wastedBytes)}, ${shareText(estimate.wastedBytes / estimate.tableBytes)}, from the mean width of ${table.columnCount} columns`,
    },
    { name: 'Measured waste', value: measured === undefined ? `not measured: ${how}` : `${bytesText(measured.wastedBytes)} (pgstattuple_approx)` },
    { name: 'Dead rows', value: countText(table.deadCount) },
  ]
  return {
    subject: `${schema}.${name}`,
    title: `${shareText(wastedBytes / tableBytes)} of ${name} is air: ${bytesText(wastedBytes)} of ${bytesText(tableBytes)}`,
    severity: 'info',
    evidence: objectEvidence(`${schema}.${name}`, figures, table.rowCount),
    recommendation: manualChange({
      sql: [`VACUUM (FULL, ANALYZE) ${quoteQualified(schema, name)}`],
      summary: `rewrite ${name} in a maintenance window, or with pg_repack or pg_squeeze while it is in use; then let autovacuum come sooner`,
      costNote: `room on disk for a second copy of ${bytesText(tableBytes - wastedBytes)} and its indexes; frees ${bytesText(wastedBytes)}`,
      lockNote: 'VACUUM FULL: ACCESS EXCLUSIVE for the whole rewrite; nobody reads or writes the table meanwhile',
      risk: 'high',
      confidence: measured === undefined ? 'medium' : 'high',
      why: 'VACUUM FULL stops reads and writes for as long as the rewrite takes',
    }),
    change: { kind: 'manual' },
  }
}
