import { useQuery } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { Link } from 'wouter'
import type { DatabaseTableAnswer, DatabaseTablesAnswer } from '../../../src/api/database-contract.ts'
import { fetchTable, fetchTables } from '../api/database-client.ts'
import { count, percent, span } from '../format.ts'
import { useParam, withParam } from '../live/use-param.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Icon } from '../parts/icon.tsx'
import { Panel, Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { showBytes } from '../show-bytes.ts'
import { IndexTable } from './index-table.tsx'
import { OptimizeDialog } from './optimize-dialog.tsx'

type TableRow = DatabaseTablesAnswer['tables'][number]

const REFRESH_MS = 15_000
const PATH = '/postgres/health'

interface TablesPanelProps {
  readonly isPaused: boolean
  linkTo(path: string): string
}

/** The tables with their dead rows and upkeep; one of them in detail. */
export function TablesPanel({ isPaused, linkTo }: TablesPanelProps): ReactElement {
  const [chosen] = useParam('table')
  const refetchInterval = isPaused ? false : REFRESH_MS
  const tables = useQuery({ queryKey: ['tables'], queryFn: ({ signal }) => fetchTables(signal), refetchInterval })
  return (
    <>
      {chosen === null ? null : <TableDetail key={chosen} name={chosen} linkTo={linkTo} />}
      <Panel title="Tables" aside={tables.data?.isComplete === false ? 'the 100 largest' : undefined}>
        {tables.error === null ? null : <ProblemNote error={tables.error} />}
        {tables.data === undefined ? <Skeleton lines={5} label="Reading the tables" /> : <Tables answer={tables.data} linkTo={linkTo} />}
      </Panel>
    </>
  )
}

function Tables({ answer: { tables, atMs }, linkTo }: { readonly answer: DatabaseTablesAnswer; linkTo(path: string): string }): ReactElement {
  if (tables.length === 0) return <p className="empty">The database has no tables yet.</p>
  const columns: readonly Column<TableRow>[] = [
    {
      ...{ id: 'table', title: 'Table', isText: true, value: nameOf },
      cell: row => (
        <>
          <Link href={withParam(linkTo(PATH), 'table', quoted(row))}>{nameOf(row)}</Link>
          {row.kind === 'table' ? null : <span className="count"> {row.kind}</span>}
        </>
      ),
    },
    { id: 'size', title: 'Size', value: row => row.totalBytes, cell: row => (row.totalBytes === null ? 'locked' : showBytes(row.totalBytes)) },
    {
      id: 'rows',
      title: 'Rows',
      value: row => row.plannedRowCount,
      cell: row => (row.plannedRowCount === null ? 'not analyzed' : count(row.plannedRowCount)),
    },
    {
      ...{ id: 'dead', title: 'Dead rows', value: row => row.deadRowCount },
      cell: row => (row.deadRatio === null ? '–' : `${count(row.deadRowCount ?? 0)} · ${percent(row.deadRatio)}`),
    },
    { id: 'hot', title: 'HOT updates', value: row => row.hotRatio, cell: row => (row.hotRatio === null ? '–' : percent(row.hotRatio)) },
    { id: 'scans', title: 'Whole reads', value: row => row.sequentialScanCount, cell: row => count(row.sequentialScanCount ?? 0) },
    { id: 'vacuumed', title: 'Vacuumed', value: row => row.vacuumedAtMs, cell: row => ago(row.vacuumedAtMs, atMs) },
    { id: 'analyzed', title: 'Analyzed', value: row => row.analyzedAtMs, cell: row => ago(row.analyzedAtMs, atMs) },
  ]
  return <DataTable label="Tables" rows={tables} columns={columns} keyOf={quoted} order="-dead" param="tables" className="table-table" />
}

function TableDetail({ name, linkTo }: { readonly name: string; linkTo(path: string): string }): ReactElement {
  const [asked, setAsked] = useState(false)
  const { data, error } = useQuery({ queryKey: ['table', name], queryFn: ({ signal }) => fetchTable(name, signal) })
  return (
    <Panel title={`Table ${name}`} aside={<Link href={linkTo(PATH)}>Close</Link>}>
      {error === null ? null : <ProblemNote error={error} />}
      {data === undefined && error === null ? <Skeleton lines={4} label={`Reading ${name}`} /> : null}
      {data === undefined ? null : <TableFacts answer={data} />}
      {data?.actions.includes('optimize') ? (
        <p className="actions">
          <button type="button" className="button" onClick={() => setAsked(true)}>
            <Icon name="apply" /> Vacuum and analyze…
          </button>
        </p>
      ) : null}
      {data === undefined || !asked ? null : <OptimizeDialog name={name} confirmation={data.confirmation} onClose={() => setAsked(false)} />}
      {data === undefined || data.indexes.length === 0 ? null : <IndexTable indexes={data.indexes} linkTo={linkTo} />}
    </Panel>
  )
}

function TableFacts({ answer: { table, atMs } }: { readonly answer: DatabaseTableAnswer }): ReactElement {
  const facts: readonly (readonly [string, string])[] = [
    ['Rows and toast', table.tableBytes === null ? 'locked' : showBytes(table.tableBytes)],
    ['Indexes', table.indexBytes === null ? 'locked' : showBytes(table.indexBytes)],
    ['Rows, as planned', table.plannedRowCount === null ? 'not analyzed' : count(table.plannedRowCount)],
    ['Dead rows', table.deadRatio === null ? '–' : `${count(table.deadRowCount ?? 0)} · ${percent(table.deadRatio)}`],
    ['Inserted', count(table.insertCount ?? 0)],
    ['Updated', count(table.updateCount ?? 0)],
    ['of them HOT', table.hotRatio === null ? '–' : percent(table.hotRatio)],
    ['Deleted', count(table.deleteCount ?? 0)],
    ['Whole reads', count(table.sequentialScanCount ?? 0)],
    ['Reads by index', count(table.indexScanCount ?? 0)],
    ['Changed since ANALYZE', count(table.changedSinceAnalyze ?? 0)],
    ['Vacuumed', ago(table.vacuumedAtMs, atMs)],
  ]
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function nameOf({ schema, name }: TableRow): string {
  return schema === 'public' ? name : `${schema}.${name}`
}

function quoted({ schema, name }: TableRow): string {
  return [schema, name].map(part => (/[".]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join('.')
}

function ago(thenMs: number | null, atMs: number): string {
  return thenMs === null ? 'never' : `${span(Math.max(0, atMs - thenMs) / 1000)} ago`
}
