import { type ReactElement, useState } from 'react'
import type { CachePrefixRow } from '../../../src/api/cache-contract.ts'
import { count, ms, showMs, showRatio, span } from '../format.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'
import { Scroller } from '../parts/scroller.tsx'
import { showBytes } from './show-bytes.ts'

interface Column {
  readonly id: string
  readonly title: string
  /** What the column sorts by; what was not measured comes last. */
  readonly value: (row: CachePrefixRow) => number | string | null
  readonly cell: (row: CachePrefixRow) => ReactElement | string
}

const COLUMNS: readonly Column[] = [
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
  const [order, setOrder] = useState<{ readonly id: string; readonly ascending: boolean }>({ id: 'reads', ascending: false })
  if (rows.length === 0) return <p className="empty">No prefix was read or written in this window.</p>
  const column = COLUMNS.find(({ id }) => id === order.id)
  const sorted = rows.toSorted((a, b) => compare(a, b, column, order.ascending))
  const press = (id: string): void => setOrder(now => ({ id, ascending: now.id === id ? !now.ascending : id === 'prefix' }))
  const head = (id: string, title: string, isNumber: boolean): ReactElement => {
    const isSorted = order.id === id
    return (
      <th
        key={id}
        scope="col"
        className={isNumber ? 'number' : undefined}
        aria-sort={isSorted ? (order.ascending ? 'ascending' : 'descending') : undefined}
      >
        <button type="button" className="sort" onClick={() => press(id)}>
          {title}
          <span aria-hidden="true">{isSorted ? (order.ascending ? ' ↑' : ' ↓') : ''}</span>
        </button>
      </th>
    )
  }
  return (
    <>
      <Scroller label="Prefixes, table" className="prefixes">
        <table>
          <thead>
            <tr>
              {head('prefix', 'Prefix', false)}
              {COLUMNS.map(({ id, title }) => head(id, title, true))}
            </tr>
          </thead>
          <tbody>
            {sorted.map(row => (
              <tr key={row.prefix}>
                <th scope="row" className="prefix-name">
                  {row.prefix}
                </th>
                {COLUMNS.map(({ id, cell }) => (
                  <td key={id} className="number">
                    {cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroller>
      <div className="actions">
        <CopyButton text={csvOf(sorted)} label="Copy as CSV" />
      </div>
    </>
  )
}

function compare(a: CachePrefixRow, b: CachePrefixRow, column: Column | undefined, ascending: boolean): number {
  const left = column === undefined ? a.prefix : column.value(a)
  const right = column === undefined ? b.prefix : column.value(b)
  if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1
  const way = typeof left === 'string' ? left.localeCompare(String(right)) : left - Number(right)
  return ascending ? way : -way
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

function csvOf(rows: readonly CachePrefixRow[]): string {
  const line = (row: CachePrefixRow): string => [`"${row.prefix.replaceAll('"', '""')}"`, ...COLUMNS.map(({ value }) => value(row) ?? '')].join(',')
  return [['prefix', ...COLUMNS.map(({ id }) => id)].join(','), ...rows.map(line)].join('\n')
}
