import { bytesText, countText, shareText } from '../figure-text.ts'
import { quoteQualified } from '../identifier.ts'
import type { IndexHealthRow } from '../sql/index-health.sql.ts'
import { BLOATED_SHARE, isBloated } from './bloat.ts'
import { judgeKnown, manualChange, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Header of an index row, and its line pointer. @source PostgreSQL 18, src/include/access/itup.h (8 bytes) and "Database Page Layout" (4) */
const ITEM_HEADER_BYTES = 8
const LINE_POINTER_BYTES = 4
/** Header of a page and what btree keeps at its end. @source PostgreSQL 18, src/include/access/nbtree.h: BTPageOpaqueData, 16 bytes */
const PAGE_BYTES = 24 + 16
/** Index rows are padded to this. */
const ALIGNMENT_BYTES = 8

/** Rule `pg/index-bloat`: most of a btree index is air, as after many deletes and updates that left no page wholly empty. An estimate from the mean width of the keys. Equal keys,
 *  which btree stores once, make a good index smaller than the estimate: of such a one the waste is told too small, never too large. */
export const indexBloat: Rule = {
  name: 'pg/index-bloat',
  judge: ({ indexes, server }) =>
    judgeKnown(indexes, rows =>
      rows.flatMap(index => {
        const wastedBytes = estimateIndexWaste(index, server.blockBytes)
        return wastedBytes !== undefined && isBloated({ tableBytes: index.sizeBytes, wastedBytes }) ? [findingFor(index, wastedBytes)] : []
      }),
    ),
}

/** What a btree index would not have after a rebuild. `undefined` for other methods, and where a key has no statistics. */
export function estimateIndexWaste(
  { method, isValid, rowCount, keyBytes, fillFactor, sizeBytes }: IndexHealthRow,
  blockBytes: number,
): number | undefined {
  if (method !== 'btree' || !isValid || keyBytes === null || rowCount <= 0) return undefined
  const item = ITEM_HEADER_BYTES + Math.ceil(keyBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES + LINE_POINTER_BYTES
  const usable = blockBytes - PAGE_BYTES
  const leaves = Math.ceil(rowCount / Math.max(1, Math.floor((usable * fillFactor) / 100 / item)))
  // Pages above hold one row a page below; the first page is the index's own.
  const above = Math.ceil(leaves / Math.max(2, Math.floor((usable * 0.7) / item)))
  return Math.max(0, sizeBytes - (leaves + above + 1) * blockBytes)
}

function findingFor(index: IndexHealthRow, wastedBytes: number): RuleFinding {
  const { schema, table, name, sizeBytes, rowCount, keyBytes } = index
  const figures = [
    { name: 'Size', value: `${bytesText(sizeBytes)}, ${countText(rowCount)} rows` },
    {
      name: 'Estimated waste',
      value: `${bytesText(wastedBytes)}, ${shareText(wastedBytes / sizeBytes)}, from the mean width of its keys, ${Math.round(keyBytes ?? 0)} bytes`,
    },
  ]
  return {
    subject: `${schema}.${name}`,
    title: `${shareText(wastedBytes / sizeBytes)} of index ${name} on ${table} is air: ${bytesText(wastedBytes)} of ${bytesText(sizeBytes)}`,
    severity: 'info',
    evidence: objectEvidence(`${schema}.${name}`, figures, rowCount),
    recommendation: manualChange({
      sql: [`REINDEX INDEX CONCURRENTLY ${quoteQualified(schema, name)}`],
      summary: `rebuild ${name} while it is used; below ${shareText(1 - BLOATED_SHARE)} of air is what an index under writes settles at`,
      costNote: `room on disk for a second one of ${bytesText(sizeBytes - wastedBytes)}; frees ${bytesText(wastedBytes)}`,
      lockNote: 'SHARE UPDATE EXCLUSIVE: reads and writes go on; it waits for transactions that are open',
      risk: 'low',
      confidence: 'medium',
      why: 'one that fails leaves an INVALID index beside the old one, and the estimate is no measurement: `pgstatindex` of pgstattuple reads the whole index to know',
    }),
    change: { kind: 'manual' },
  }
}
