import { type ReactElement, useState } from 'react'
import { timeOfDay } from '../format.ts'
import { CopyButton } from './copy-button.tsx'
import { Icon } from './icon.tsx'
import { Modal } from './modal.tsx'
import { Scroller } from './scroller.tsx'

interface SeriesTableProps {
  readonly title: string
  readonly unit: string
  readonly atMs: readonly number[]
  readonly lines: readonly { readonly label: string; readonly values: readonly (number | null)[] }[]
  readonly show: (value: number) => string
  /** Whether the newest point covers less than its second. */
  readonly partial: boolean
}

/** A button that opens a chart's points as a table. The table holds the points of the moment it was opened, so that it can be read. */
export function SeriesTable(props: SeriesTableProps): ReactElement {
  const [held, setHeld] = useState<SeriesTableProps | null>(null)
  return (
    <>
      <button
        type="button"
        className="button icon-only quiet"
        aria-label={`View ${props.title} as table`}
        title="View as table"
        onClick={() => setHeld(props)}
      >
        <Icon name="table" />
      </button>
      {held === null ? null : (
        <Modal title={held.title} description={`${held.unit}; one row a second, newest first`} onClose={() => setHeld(null)}>
          <Rows {...held} />
        </Modal>
      )}
    </>
  )
}

function Rows({ title, atMs, lines, show, partial }: SeriesTableProps): ReactElement {
  const order = atMs.map((_, index) => index).reverse()
  const csv = [
    ['time', ...lines.map(line => line.label)].join(','),
    ...order.map(index => [new Date(atMs[index]!).toISOString(), ...lines.map(line => line.values[index] ?? '')].join(',')),
  ].join('\n')
  return (
    <>
      <Scroller className="modal-body" label={`${title}, table`}>
        <table>
          <thead>
            <tr>
              <th scope="col">Time</th>
              {lines.map(line => (
                <th key={line.label} scope="col" className="number">
                  {line.label}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {order.map(index => (
              <tr key={atMs[index]}>
                <th scope="row">
                  {timeOfDay(atMs[index]!)}
                  {partial && index === atMs.length - 1 ? ' (partial)' : ''}
                </th>
                {lines.map(line => (
                  <td key={line.label} className="number">
                    {cell(line.values[index], show)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </Scroller>
      <div className="actions">
        <CopyButton text={csv} label="Copy as CSV" />
      </div>
    </>
  )
}

function cell(value: number | null | undefined, show: (value: number) => string): string {
  return value === null || value === undefined ? '–' : show(value)
}
