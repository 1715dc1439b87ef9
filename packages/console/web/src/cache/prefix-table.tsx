import type { ReactElement } from 'react'
import type { CachePrefixRow } from '../../../src/api/cache-contract.ts'
import { count, ms, showMs, showRatio, span } from '../format.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'
import { showBytes } from '../show-bytes.ts'

const COLUMNS: readonly Column<CachePrefixRow>[] = [
  { id: 'prefix', title: 'Prefix', isText: true, value: row => row.prefix, cell: row => row.prefix },
  { id: 'reads', title: 'Reads', value: row => row.readCount, cell: row => count(row.readCount) },
  { id: 'hits', title: 'Hit ratio', value: row => row.hitRatio.value, cell: row => <Figure measured={row.hitRatio} show={showRatio} /> },
  { id: 'l1', title: 'L1', value: row => row.l1HitRatio.value, cell: row => ratioCell(row.l1HitRatio.value) },
  { id: 'l2', title: 'L2', value: row => row.l2HitRatio.value, cell: row => ratioCell(row.l2HitRatio.value) },
  { id: 'misses', title: 'Misses', value: row => row.missCount, cell: row => count(row.missCount) },
  { id: 'joined', title: 'Joined', value: row => row.coalescedCount, cell: row => count(row.coalescedCount) },
  { id: 'stale', title: 'Stale', value: row => row.staleCount, cell: row => count(row.staleCount) },
  { id: 'errors', title: 'Failed', value: row => row.loadErrorCount, cell: row => count(row.loadErrorCount) },
  { id: 'evicted', title: 'Evicted', value: row => row.evictionCount, cell: row => count(row.evictionCount) },
  { id: 'bytes', title: 'In memory', value: row => row.bytes, cell: row => `${showBytes(row.bytes)} · ${count(row.entries)}` },
  {
    id: 'load',
    title: 'Load p95',
    value: row => row.loadP95Ms.value,
    cell: row => <Figure measured={row.loadP95Ms} show={showMs} enough={ENOUGH_FOR_P95} />,
  },
  { id: 'ttl', title: 'Fresh for', value: row => row.ttlMs, cell: row => ttlCell(row.ttlMs) },
]

/** What each prefix did; sorted by the column whose head is pressed. */
export function PrefixTable({ rows }: { readonly rows: readonly CachePrefixRow[] }): ReactElement {
  if (rows.length === 0) return <p className="empty">No prefix was read or written in this window.</p>
  return <DataTable label="Prefixes" rows={rows} columns={COLUMNS} keyOf={row => row.prefix} order="-reads" className="prefixes" />
}

function ratioCell(value: number | null): string {
  if (value === null) return '–'
  const { text, unit } = showRatio(value)
  return `${text}\u00a0${unit}`
}

function ttlCell(ttlMs: number | null): string {
  if (ttlMs === null) return '–'
  return ttlMs < 1000 ? ms(ttlMs) : span(ttlMs / 1000)
}
