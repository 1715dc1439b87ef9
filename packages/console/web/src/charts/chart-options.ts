import uPlot from 'uplot'
import type { Theme } from '../theme.ts'
import type { ChartContent } from './line-chart.tsx'

/** Height of the events lane under the plot. */
const LANE_PX = 12
const FONT = '11px system-ui, sans-serif'

/** What uPlot is told once; everything that changes is read through `content`. The theme is an argument because it decides the colours in force. */
export function chartOptions(width: number, height: number, lineCount: number, _theme: Theme, content: () => ChartContent): uPlot.Options {
  const color = readColors()
  return {
    width,
    height,
    padding: [8, 2, LANE_PX, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, sync: { key: 'live' }, points: { size: 7 } },
    scales: {
      x: { time: true, range: () => timeRange(content()) },
      y: content().isLog ? { distr: 3, range: (_plot, min, max) => decades(min, max) } : { range: (_plot, _min, max) => [0, topOf(max, content())] },
    },
    axes: [
      { show: false },
      {
        size: 44,
        gap: 4,
        font: FONT,
        stroke: color.muted,
        ticks: { show: false },
        grid: { stroke: color.grid, width: 1 },
        splits: (_plot, _axis, min, max) => (content().isLog ? powers(min, max) : [0, max / 2, max]),
        // On a logarithmic axis uPlot would take away some of the splits.
        filter: (_plot, splits) => splits,
        values: (_plot, splits) => splits.map(value => content().axisText(value)),
      },
    ],
    series: [{}, ...Array.from({ length: lineCount }, (_, line) => lineOptions(line, content, color))],
    hooks: { drawAxes: [plot => drawEvents(plot, content(), color)], draw: [plot => drawOverlay(plot, content(), color)] },
  }
}

interface Colors {
  readonly line: string
  readonly fill: string
  readonly second: string
  readonly grid: string
  readonly muted: string
  readonly limit: string
}

function readColors(): Colors {
  const style = getComputedStyle(document.documentElement)
  const read = (name: string): string => style.getPropertyValue(name).trim()
  return {
    line: read('--chart-line'),
    fill: read('--chart-fill'),
    second: read('--chart-second'),
    grid: read('--line-soft'),
    muted: read('--text-muted'),
    limit: read('--bad'),
  }
}

function lineOptions(line: number, content: () => ChartContent, color: Colors): uPlot.Series {
  const first = line === 0
  return {
    label: content().lines[line]?.label ?? '',
    stroke: first ? color.line : color.second,
    width: 1.5,
    // No area on a logarithmic axis: there is no zero for it to stand on.
    ...(first ? (content().isLog ? {} : { fill: color.fill }) : { dash: [4, 3] }),
    // A value between two empty seconds has no line to lie on: without its point, little traffic would look like none.
    points: { show: true, size: 3, fill: first ? color.line : color.second, filter: plot => lonelyPoints(plot.data[line + 1] ?? []) },
  }
}

function lonelyPoints(values: ArrayLike<number | null | undefined>): number[] {
  const lonely: number[] = []
  for (let i = 0; i < values.length; i++) {
    if (values[i] != null && values[i - 1] == null && values[i + 1] == null) lonely.push(i)
  }
  return lonely
}

function timeRange({ atMs, windowSec }: ChartContent): uPlot.Range.MinMax {
  const end = (atMs.at(-1) ?? 0) / 1000
  return [end - windowSec, end]
}

/** The next of a few round steps times a power of ten above the data: the top stands still while the data move, and its half is a round number. */
function topOf(max: number | null, { limit, leastTop = 0 }: ChartContent): number {
  const least = Math.max(max ?? 0, limit ?? 0, leastTop) * 1.05
  if (least <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(least))
  return (([1, 1.2, 1.6, 2, 3, 4, 5, 6, 8].find(step => step * power >= least) ?? 10) as number) * power
}

/** Whole powers of ten around the data. */
function decades(min: number | null, max: number | null): uPlot.Range.MinMax {
  const low = 10 ** Math.floor(Math.log10(min ?? 1))
  return [low, Math.max(low * 10, 10 ** Math.ceil(Math.log10(max ?? 10)))]
}

/** At most four powers of ten, so that their names have room. */
function powers(min: number, max: number): number[] {
  const [first, last] = [Math.round(Math.log10(min)), Math.round(Math.log10(max))]
  const step = Math.ceil((last - first) / 3)
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, at) => 10 ** (first + at * step))
}

function drawEvents(plot: uPlot, { events }: ChartContent, color: Colors): void {
  const { left, top, width, height } = plot.bbox
  plot.ctx.save()
  plot.ctx.strokeStyle = color.muted
  plot.ctx.lineWidth = uPlot.pxRatio
  plot.ctx.setLineDash([2 * uPlot.pxRatio, 2 * uPlot.pxRatio])
  for (const event of events) {
    const x = plot.valToPos(event.atMs / 1000, 'x', true)
    if (x < left || x > left + width) continue
    strokeLine(plot.ctx, x, top, x, top + height)
    drawMark(plot.ctx, x, top + height + 3 * uPlot.pxRatio, color.line)
  }
  plot.ctx.restore()
}

/** The triangle of an event in the lane. */
function drawMark(ctx: CanvasRenderingContext2D, x: number, top: number, color: string): void {
  const size = 4.5 * uPlot.pxRatio
  ctx.fillStyle = color
  ctx.beginPath()
  ctx.moveTo(x, top)
  ctx.lineTo(x + size, top + 1.7 * size)
  ctx.lineTo(x - size, top + 1.7 * size)
  ctx.fill()
}

function drawOverlay(plot: uPlot, { limit, partial, atMs }: ChartContent, color: Colors): void {
  const { left, top, width, height } = plot.bbox
  const { ctx } = plot
  ctx.save()
  ctx.beginPath()
  ctx.rect(left, top, width, height)
  ctx.clip()
  if (limit !== undefined) {
    const y = plot.valToPos(limit, 'y', true)
    ctx.strokeStyle = color.limit
    ctx.lineWidth = uPlot.pxRatio
    ctx.setLineDash([6 * uPlot.pxRatio, 3 * uPlot.pxRatio])
    strokeLine(ctx, left, y, left + width, y)
  }
  if (partial && atMs.length > 1) {
    const from = plot.valToPos(atMs[atMs.length - 2]! / 1000, 'x', true)
    hatch(ctx, Math.min(from, left + width - 5 * uPlot.pxRatio), left + width, top, height, color.muted)
  }
  ctx.restore()
}

function hatch(ctx: CanvasRenderingContext2D, from: number, to: number, top: number, height: number, color: string): void {
  const step = 4 * uPlot.pxRatio
  ctx.beginPath()
  ctx.rect(from, top, to - from, height)
  ctx.clip()
  ctx.setLineDash([])
  ctx.strokeStyle = color
  ctx.globalAlpha = 0.7
  ctx.lineWidth = uPlot.pxRatio
  for (let y = top - (to - from); y < top + height + (to - from); y += step) strokeLine(ctx, from, y + (to - from), to, y)
}

function strokeLine(ctx: CanvasRenderingContext2D, x1: number, y1: number, x2: number, y2: number): void {
  ctx.beginPath()
  ctx.moveTo(x1, y1)
  ctx.lineTo(x2, y2)
  ctx.stroke()
}
