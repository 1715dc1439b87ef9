import type { ReactElement } from 'react'
import { Link } from 'wouter'
import type { DatabaseQueriesAnswer, QueryRow } from '../../../src/api/database-contract.ts'
import { count, ms, msFine, percent, showMs, showNumber } from '../format.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'

type ServerRow = NonNullable<DatabaseQueriesAnswer['server']>['statements'][number]

function ShareCell({ share }: { readonly share: number }): ReactElement {
  return (
    <span className="share-cell">
      <span className="share-bar" aria-hidden="true">
        <span style={{ width: `${Math.min(1, share) * 100}%` }} />
      </span>
      {percent(share)}
    </span>
  )
}

function rowsPerCall({ rowCount, callCount }: { readonly rowCount: number; readonly callCount: number }): number {
  return callCount === 0 ? 0 : rowCount / callCount
}

/** Statements as the instances measured them. */
export function MeasuredQueries({
  queries,
  linkToQuery,
}: {
  readonly queries: readonly QueryRow[]
  linkToQuery(fingerprint: string): string
}): ReactElement {
  const columns: readonly Column<QueryRow>[] = [
    {
      ...{ id: 'statement', title: 'Statement', isText: true, value: row => row.text },
      cell: row => (
        <Link href={linkToQuery(row.fingerprint)} className="statement-link">
          <code>{row.text}</code>
        </Link>
      ),
    },
    { id: 'share', title: 'Share', value: row => row.shareOfTime, cell: row => <ShareCell share={row.shareOfTime} /> },
    { id: 'total', title: 'Total', value: row => row.totalMs, cell: row => ms(row.totalMs) },
    { id: 'calls', title: 'Calls', value: row => row.callCount, cell: row => count(row.callCount) },
    { id: 'mean', title: 'Mean', value: row => row.meanMs, cell: row => ms(row.meanMs) },
    {
      ...{ id: 'p95', title: 'p95', value: row => row.p95Ms.value },
      cell: row => <Figure measured={row.p95Ms} show={showMs} enough={ENOUGH_FOR_P95} />,
    },
    { id: 'rows', title: 'Rows a call', value: rowsPerCall, cell: row => showNumber(rowsPerCall(row)).text },
    { id: 'errors', title: 'Failed', value: row => row.errorCount, cell: row => count(row.errorCount) },
  ]
  return <DataTable label="Statements" rows={queries} columns={columns} keyOf={row => row.fingerprint} order="-total" className="query-table" />
}

/** Statements as the server counted them. */
export function ServerQueries({
  statements,
  linkToQuery,
}: {
  readonly statements: readonly ServerRow[]
  linkToQuery(fingerprint: string): string
}): ReactElement {
  const columns: readonly Column<ServerRow>[] = [
    {
      ...{ id: 'statement', title: 'Statement', isText: true, value: row => row.text },
      cell: row =>
        row.fingerprint === null ? (
          'of another role, not seen'
        ) : (
          <Link href={linkToQuery(row.fingerprint)} className="statement-link">
            <code>{row.text}</code>
          </Link>
        ),
    },
    { id: 'share', title: 'Share', value: row => row.shareOfTime, cell: row => <ShareCell share={row.shareOfTime} /> },
    { id: 'total', title: 'Total', value: row => row.totalMs, cell: row => ms(row.totalMs) },
    { id: 'calls', title: 'Calls', value: row => row.callCount, cell: row => count(row.callCount) },
    { id: 'mean', title: 'Mean', value: row => row.meanMs, cell: row => `${msFine(row.meanMs)} ± ${msFine(row.deviationMs)}` },
    { id: 'most', title: 'Longest', value: row => row.mostMs, cell: row => ms(row.mostMs) },
    { id: 'rows', title: 'Rows a call', value: rowsPerCall, cell: row => showNumber(rowsPerCall(row)).text },
    { id: 'hits', title: 'In memory', value: row => row.hitRatio, cell: row => (row.hitRatio === null ? '–' : percent(row.hitRatio)) },
  ]
  const keyOf = (row: ServerRow): string => row.queryId ?? `${row.callCount} ${row.totalMs} ${row.leastMs}`
  return <DataTable label="Statements" rows={statements} columns={columns} keyOf={keyOf} order="-total" className="query-table" />
}
