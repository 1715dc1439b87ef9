import type { ReactElement } from 'react'
import { Link } from 'wouter'
import type { DatabaseIndexesAnswer } from '../../../src/api/database-contract.ts'
import { count, dateTime } from '../format.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Mark, type Tone } from '../parts/mark.tsx'
import { showBytes } from '../show-bytes.ts'

type IndexRow = Omit<DatabaseIndexesAnswer['indexes'][number], 'findingIds'> & { readonly findingIds?: readonly string[] }

/** The uses in words, the ones to look at first. */
export const USES: readonly { readonly id: IndexRow['use']; readonly word: string; readonly tone: Tone }[] = [
  { id: 'invalid', word: 'Invalid', tone: 'bad' },
  { id: 'not scanned', word: 'Not scanned', tone: 'warn' },
  { id: 'too early', word: 'Too early to say', tone: 'quiet' },
  { id: 'scanned', word: 'Scanned', tone: 'ok' },
  { id: 'constraint', word: 'Keeps a rule', tone: 'ok' },
]

interface IndexTableProps {
  readonly indexes: readonly IndexRow[]
  linkTo(path: string): string
}

/** Indexes with their definition, use and size. The column of findings stands where rows have any. */
export function IndexTable({ indexes, linkTo }: IndexTableProps): ReactElement {
  const columns: Column<IndexRow>[] = [
    { id: 'index', title: 'Index', isText: true, value: row => row.name, cell: row => <IndexName row={row} /> },
    { id: 'use', title: 'Use', isText: true, value: row => row.use, cell: row => <UseMark use={row.use} /> },
    { id: 'size', title: 'Size', value: row => row.sizeBytes, cell: row => (row.sizeBytes === null ? 'locked' : showBytes(row.sizeBytes)) },
    { id: 'scans', title: 'Scans', value: row => row.scanCount, cell: row => count(row.scanCount) },
    { id: 'last', title: 'Last scan', value: row => row.lastScanAtMs, cell: row => (row.lastScanAtMs === null ? '–' : dateTime(row.lastScanAtMs)) },
  ]
  if (indexes.some(({ findingIds = [] }) => findingIds.length > 0)) {
    columns.push({
      ...{ id: 'findings', title: 'Findings', isText: true, value: row => row.findingIds?.[0] ?? null },
      cell: row => (row.findingIds ?? []).map(id => <FindingLink key={id} id={id} linkTo={linkTo} />),
    })
  }
  return (
    <DataTable label="Indexes" rows={indexes} columns={columns} keyOf={row => `${row.schema}.${row.name}`} order="-size" className="index-table" />
  )
}

function FindingLink({ id, linkTo }: { readonly id: string; linkTo(path: string): string }): ReactElement {
  return (
    <Link href={linkTo(`/findings/${encodeURIComponent(id)}`)} className="finding-id">
      {id}
    </Link>
  )
}

function IndexName({ row: { name, schema, table, definition } }: { readonly row: IndexRow }): ReactElement {
  return (
    <details className="index-name">
      <summary>
        {name} <span className="count">on {schema === 'public' ? table : `${schema}.${table}`}</span>
      </summary>
      <pre className="sql">{definition ?? 'The index is locked just now.'}</pre>
    </details>
  )
}

function UseMark({ use }: { readonly use: IndexRow['use'] }): ReactElement {
  const { tone, word } = USES.find(({ id }) => id === use)!
  return <Mark tone={tone}>{word}</Mark>
}
