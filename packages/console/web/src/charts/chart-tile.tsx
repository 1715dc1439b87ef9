import type { ReactElement, ReactNode } from 'react'
import type { ConsoleEvent } from '../../../src/api/contract.ts'
import { joined, type Shown, span } from '../format.ts'
import { SeriesTable } from '../parts/series-table.tsx'
import type { Theme } from '../theme.ts'
import { type ChartLine, LineChart } from './line-chart.tsx'
import { summaryOf } from './series-window.ts'

/** What the tiles of one page have in common. */
export interface ChartTileShared {
  readonly series: { readonly atMs: readonly number[]; readonly partial: boolean }
  readonly theme: Theme
  readonly windowSec: number
  readonly events: readonly ConsoleEvent[]
}

interface ChartTileProps extends ChartTileShared {
  readonly title: string
  readonly unit: string
  readonly show: (value: number) => Shown
  /** True where the head says the unit and the axis has no room for it. */
  readonly isBareAxis?: boolean
  /** True for a logarithmic axis. Default false. */
  readonly isLog?: boolean
  /** Drawn as a dashed line. */
  readonly limit?: number | undefined
  readonly lines: readonly ChartLine[]
  readonly children: ReactNode
}

/** A number with its last minutes as a line, and the line as a table. */
export function ChartTile(props: ChartTileProps): ReactElement {
  const { series, theme, windowSec, events, title, unit, show, isBareAxis = false, isLog = false, limit, lines, children } = props
  const text = (value: number): string => joined(show(value))
  const { atMs, partial } = series
  return (
    <article className="tile">
      <header className="tile-head">
        <h2>{title}</h2>
        <span className="count">{unit}</span>
        <SeriesTable title={title} unit={unit} atMs={atMs} lines={lines} show={text} partial={partial} />
      </header>
      <p className="tile-value">{children}</p>
      <LineChart
        summary={summaryOf(title, lines, text, windowSec, partial, limit)}
        {...{ theme, atMs, lines, windowSec, partial, events, limit, isLog }}
        // An axis has no room for the zeros behind a round number.
        axisText={value => (isBareAxis ? show(value).text : text(value)).replace(/\.0+(?=\D|$)/, '')}
      />
      <p className="chart-foot" aria-hidden="true">
        <span>{span(windowSec)} ago</span>
        {limit === undefined ? null : <span className="limit-note">limit {text(limit)}</span>}
        <span>now</span>
      </p>
    </article>
  )
}
