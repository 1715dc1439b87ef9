import type { BucketState } from 'holdfast/cdn'
import type { ReactElement, ReactNode } from 'react'
import type { CdnRow } from '../../../src/api/cdn-contract.ts'
import { count, counted, span } from '../format.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Mark } from '../parts/mark.tsx'
import { Meter } from '../parts/meter.tsx'

/** From here on health says it too. */
const OLD_MS = 300_000

const COLUMNS: readonly Column<CdnRow>[] = [
  { id: 'cdn', title: 'CDN', isText: true, value: row => row.provider, cell: row => row.provider },
  { id: 'sent', title: 'Purged', value: row => row.sentCount, cell: row => count(row.sentCount) },
  { id: 'requests', title: 'Requests', value: row => row.requestCount, cell: row => count(row.requestCount) },
  { id: 'failed', title: 'Not taken', isText: true, value: row => failedCount(row), cell: row => failuresOf(row) },
  { id: 'waiting', title: 'Waiting', isText: true, value: row => row.now?.waiting ?? null, cell: row => waitingOf(row) },
  { id: 'dead', title: 'Given up', isText: true, value: row => row.now?.dead ?? null, cell: row => deadOf(row) },
  { id: 'left', title: 'Still takes', isText: true, value: row => leastLeft(row), cell: row => budgetOf(row) },
]

/** One line for each CDN. */
export function CdnTable({ rows }: { readonly rows: readonly CdnRow[] }): ReactElement {
  return <DataTable label="CDNs" rows={rows} columns={COLUMNS} keyOf={row => row.provider} order="cdn" param="cdns" className="cdn-table" />
}

function failedCount({ failures }: CdnRow): number {
  return failures.reduce((total, failure) => total + failure.count, 0)
}

function failuresOf({ failures, requestCount }: CdnRow): ReactNode {
  if (failures.length === 0) return requestCount === 0 ? '–' : 'none'
  return <Mark tone="warn">{failures.map(({ reason, count: times }) => `${count(times)} ${REASONS[reason] ?? reason}`).join(', ')}</Mark>
}

const REASONS: Readonly<Record<string, string>> = { limited: 'told to wait', away: 'not answered', auth: 'not allowed', rejected: 'refused' }

function waitingOf({ now }: CdnRow): ReactNode {
  if (now === null) return '–'
  if (now.waiting === 0) return 'none'
  const text = now.oldestMs === 0 ? count(now.waiting) : `${count(now.waiting)}, oldest ${span(now.oldestMs / 1000)}`
  return now.oldestMs > OLD_MS ? <Mark tone="warn">{text}</Mark> : text
}

function deadOf({ now }: CdnRow): ReactNode {
  if (now === null) return '–'
  return now.dead === 0 ? 'none' : <Mark tone="bad">{counted(now.dead, 'purge')}</Mark>
}

function leastLeft({ now }: CdnRow): number | null {
  return now === null ? null : Math.min(...now.buckets.map(ratioOf))
}

/** Each bucket by name, number and bar. */
function budgetOf({ provider, now }: CdnRow): ReactNode {
  if (now === null) return '–'
  return (
    <ul className="cdn-buckets">
      {now.buckets.map(bucket => (
        <li key={bucket.kinds.join()}>
          <Meter label={`${provider} still takes of ${bucket.kinds.join(' and ')}`} ratio={ratioOf(bucket)} />
          <span className="count">{bucketText(bucket)}</span>
        </li>
      ))}
    </ul>
  )
}

function ratioOf({ tokens, burst, pausedForMs }: BucketState): number {
  return pausedForMs > 0 ? 0 : Math.max(0, tokens) / burst
}

function bucketText({ kinds, counts, tokens, burst, pausedForMs }: BucketState): string {
  const whose = `for ${kinds.map(kind => KINDS[kind]).join(', ')}`
  if (pausedForMs > 0) return `none for ${span(Math.ceil(pausedForMs / 1000))} ${whose}`
  return `${count(Math.max(0, Math.floor(tokens)))} of ${count(burst)} ${counts === 'items' ? 'purges' : 'requests'} ${whose}`
}

const KINDS = { tag: 'tags', url: 'URLs', all: 'everything' } as const
