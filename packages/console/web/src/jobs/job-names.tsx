import type { ReactElement } from 'react'
import type { JobNameRow } from '../../../src/api/jobs-contract.ts'
import { count, showMs } from '../format.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'
import { showJobsPerSec } from './queue-table.tsx'

const COLUMNS: readonly Column<JobNameRow>[] = [
  { id: 'name', title: 'Name', isText: true, value: row => row.name, cell: row => row.name },
  { id: 'ended', title: 'Ended', value: row => row.endedPerSec.value, cell: row => <Figure measured={row.endedPerSec} show={showJobsPerSec} /> },
  { id: 'retried', title: 'Retried', value: row => row.retriedCount, cell: row => count(row.retriedCount) },
  { id: 'stalled', title: 'Stalled', value: row => row.stalledCount, cell: row => count(row.stalledCount) },
  { id: 'cancelled', title: 'Cancelled', value: row => row.cancelledCount, cell: row => count(row.cancelledCount) },
  { id: 'died', title: 'Dead', value: row => row.deadCount, cell: row => count(row.deadCount) },
  ...(
    [
      ['waitP50Ms', 'Wait p50', 1],
      ['waitP95Ms', 'Wait p95', ENOUGH_FOR_P95],
      ['runP50Ms', 'Run p50', 1],
      ['runP95Ms', 'Run p95', ENOUGH_FOR_P95],
    ] as const
  ).map(
    ([key, title, enough]): Column<JobNameRow> => ({
      ...{ id: key, title, value: row => row[key].value, cell: row => <Figure measured={row[key]} show={showMs} enough={enough} /> },
    }),
  ),
]

/** What the jobs of each name did in the window. */
export function JobNames({ rows }: { readonly rows: readonly JobNameRow[] }): ReactElement {
  return <DataTable label="Names" rows={rows} columns={COLUMNS} keyOf={row => row.name} order="-ended" param="names" className="table-table" />
}
