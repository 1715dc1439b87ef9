import { type ReactElement, useEffect, useRef } from 'react'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { ConsoleEvent } from '../../../src/api/contract.ts'
import type { Theme } from '../theme.ts'
import { chartOptions } from './chart-options.ts'

/** One line of a chart. */
export interface ChartLine {
  readonly label: string
  readonly values: readonly (number | null)[]
  /** The second line of a chart is dashed, so that it is told apart without colour. */
  readonly dashed?: boolean
}

/** What a chart draws. */
export interface ChartContent {
  readonly atMs: readonly number[]
  readonly lines: readonly ChartLine[]
  readonly windowSec: number
  readonly partial: boolean
  /** A value on the axis; short, because the chart's head names the unit. */
  readonly axisText: (value: number) => string
  /** Drawn as a dashed line: an objective, a pool's size. */
  readonly limit?: number | undefined
  /** Upper end of the scale when the data stay below it. Default 0: the data decide. */
  readonly leastTop?: number
  /** True for a logarithmic axis of powers of ten. */
  readonly isLog?: boolean
  readonly events: readonly ConsoleEvent[]
}

interface LineChartProps extends ChartContent {
  /** The chart in words, for those who do not see it. */
  readonly summary: string
  readonly theme: Theme
}

const HEIGHT = 104
/** In the unit of the values: ten microseconds where that is ms. */
const LEAST_ON_LOG_AXIS = 0.01

/** A live line chart on a canvas. The newest bucket is hatched while it is partial. */
export function LineChart({ summary, theme, ...content }: LineChartProps): ReactElement {
  const host = useRef<HTMLDivElement>(null)
  const plot = useRef<uPlot | null>(null)
  const latest = useRef<ChartContent>(content)
  latest.current = content
  const lineCount = content.lines.length

  // Made anew for another theme: uPlot keeps the colours it was made with.
  useEffect(() => {
    const element = host.current
    if (element === null) return
    const made = new uPlot(
      chartOptions(element.clientWidth, HEIGHT, lineCount, theme, () => latest.current),
      chartData(latest.current),
      element,
    )
    plot.current = made
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      made.destroy()
      plot.current = null
    }
  }, [lineCount, theme])

  // After every render: the page renders when an overview comes, and seldom otherwise.
  useEffect(() => plot.current?.setData(chartData(latest.current)))

  return <div ref={host} className="chart" role="img" aria-label={summary} />
}

function chartData(content: ChartContent): uPlot.AlignedData {
  return [content.atMs.map(at => at / 1000), ...content.lines.map(({ values }) => (content.isLog ? values.map(onLogAxis) : [...values]))]
}

/** There is no zero on a logarithmic axis. */
function onLogAxis(value: number | null): number | null {
  return value === null ? null : Math.max(value, LEAST_ON_LOG_AXIS)
}
