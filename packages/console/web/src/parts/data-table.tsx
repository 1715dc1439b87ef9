import { type ReactElement, type ReactNode, useMemo } from 'react'
import { useParam } from '../live/use-param.ts'
import { CopyButton } from './copy-button.tsx'
import { Scroller } from './scroller.tsx'

/** One column of a {@link DataTable}. */
export interface Column<Row> {
  readonly id: string
  readonly title: string
  /** What the column sorts by, and what the CSV holds; what was not measured is null and comes last. */
  readonly value: (row: Row) => number | string | null
  readonly cell: (row: Row) => ReactNode
  /** Texts stand to the left and sort upwards first. Default: a number. */
  readonly isText?: boolean
}

interface DataTableProps<Row> {
  /** What it shows, for those who do not see it. */
  readonly label: string
  readonly rows: readonly Row[]
  /** The first one names the row. */
  readonly columns: readonly Column<Row>[]
  readonly keyOf: (row: Row) => string
  /** Column that it is sorted by at first; `-` before it for downwards. */
  readonly order: string
  /** Parameter of the address that holds the order. Default `sort`. */
  readonly param?: string
  readonly className?: string
}

/** A table that sorts by the column whose head is pressed; the order is part of the address. */
export function DataTable<Row>({ label, rows, columns, keyOf, order, param = 'sort', className }: DataTableProps<Row>): ReactElement {
  const [asked, ask] = useParam(param)
  const known = columns.some(({ id }) => id === asked?.replace(/^-/, '')) ? asked! : order
  const isDescending = known.startsWith('-')
  const sortedBy = columns.find(({ id }) => id === known.replace(/^-/, ''))
  const sorted = useMemo(() => rows.toSorted((a, b) => compare(a, b, sortedBy, isDescending)), [rows, sortedBy, isDescending])
  const press = ({ id, isText = false }: Column<Row>): void => {
    const next = id === sortedBy?.id ? !isDescending : !isText
    const written = `${next ? '-' : ''}${id}`
    ask(written === order ? null : written)
  }
  return (
    <>
      <Scroller label={`${label}, table`} {...(className === undefined ? {} : { className })}>
        <table>
          <thead>
            <tr>
              {columns.map(column => (
                <Head
                  key={column.id}
                  column={column}
                  direction={column === sortedBy ? (isDescending ? 'descending' : 'ascending') : undefined}
                  press={press}
                />
              ))}
            </tr>
          </thead>
          <tbody>
            {sorted.map(row => (
              <tr key={keyOf(row)}>
                {columns.map(({ id, cell, isText = false }, at) =>
                  at === 0 ? (
                    <th key={id} scope="row" className="row-name">
                      {cell(row)}
                    </th>
                  ) : (
                    <td key={id} className={isText ? undefined : 'number'}>
                      {cell(row)}
                    </td>
                  ),
                )}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroller>
      <div className="actions">
        <CopyButton text={csvOf(sorted, columns)} label="Copy as CSV" />
      </div>
    </>
  )
}

interface HeadProps<Row> {
  readonly column: Column<Row>
  readonly direction: 'ascending' | 'descending' | undefined
  press(column: Column<Row>): void
}

function Head<Row>({ column, direction, press }: HeadProps<Row>): ReactElement {
  return (
    <th scope="col" className={column.isText ? undefined : 'number'} aria-sort={direction}>
      <button type="button" className="sort" onClick={() => press(column)}>
        {column.title}
        <span aria-hidden="true">{direction === undefined ? '' : direction === 'ascending' ? ' ↑' : ' ↓'}</span>
      </button>
    </th>
  )
}

function compare<Row>(a: Row, b: Row, column: Column<Row> | undefined, isDescending: boolean): number {
  if (column === undefined) return 0
  const left = column.value(a)
  const right = column.value(b)
  if (left === null || right === null) return left === right ? 0 : left === null ? 1 : -1
  const way = typeof left === 'string' ? left.localeCompare(String(right)) : left - Number(right)
  return isDescending ? -way : way
}

function csvOf<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string {
  const field = (value: number | string | null): string | number => (typeof value === 'string' ? `"${value.replaceAll('"', '""')}"` : (value ?? ''))
  return [columns.map(({ id }) => id).join(','), ...rows.map(row => columns.map(({ value }) => field(value(row))).join(','))].join('\n')
}
