import type { ReactElement } from 'react'
import type { CacheRouteRow } from '../../../src/api/cache-contract.ts'
import { count, showRatio } from '../format.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Figure } from '../parts/figure.tsx'

const COLUMNS: readonly Column<CacheRouteRow>[] = [
  { id: 'route', title: 'Route', isText: true, value: row => row.route, cell: row => row.route },
  { id: 'answers', title: 'Answers', value: row => row.answerCount, cell: row => count(row.answerCount) },
  { id: 'hits', title: 'Hit ratio', value: row => row.hitRatio.value, cell: row => <Figure measured={row.hitRatio} show={showRatio} /> },
  { id: 'stale', title: 'Stale', value: row => row.staleCount, cell: row => count(row.staleCount) },
  { id: 'joined', title: 'Joined', value: row => row.collapsedCount, cell: row => count(row.collapsedCount) },
  { id: 'confirmed', title: 'Confirmed', value: row => row.revalidatedCount, cell: row => count(row.revalidatedCount) },
  { id: 'misses', title: 'Misses', value: row => row.missCount, cell: row => count(row.missCount) },
  { id: 'passed', title: 'Passed by', value: row => row.bypassCount, cell: row => count(row.bypassCount) },
  { id: 'why', title: 'Why', isText: true, value: row => row.bypasses[0]?.reason ?? null, cell: row => reasons(row) },
]

/** What the response cache did for each route. */
export function RouteAnswers({ rows }: { readonly rows: readonly CacheRouteRow[] }): ReactElement {
  if (rows.length === 0) return <p className="empty">No response cache answered in this window.</p>
  return <DataTable label="Routes" rows={rows} columns={COLUMNS} keyOf={row => row.route} order="-answers" className="prefixes" />
}

function reasons({ bypasses }: CacheRouteRow): string {
  if (bypasses.length === 0) return '–'
  return bypasses.map(({ reason, count: times }) => `${reason} ${count(times)}`).join(', ')
}
