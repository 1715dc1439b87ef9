import type { ReactElement, ReactNode } from 'react'
import { Link } from 'wouter'
import type { LiveSeries, Overview } from '../../../src/api/contract.ts'
import { type ChartLine, LineChart } from '../charts/line-chart.tsx'
import { lastSeconds, summaryOf } from '../charts/series-window.ts'
import { count, joined, type Shown, showMs, showNumber, showPerSec, showRatio, span } from '../format.ts'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'
import { SeriesTable } from '../parts/series-table.tsx'
import type { Theme } from '../theme.ts'

interface TilesProps {
  readonly overview: Overview
  readonly theme: Theme
  /** Width of the charts. */
  readonly windowSec: number
  linkTo(path: string): string
}

/** The numbers of the window, each with its last minutes. */
export function Tiles({ overview, theme, windowSec, linkTo }: TilesProps): ReactElement {
  const { tiles, routes } = overview
  const series = lastSeconds(overview.series, windowSec)
  const objective = overview.objectives.find(({ target }) => target === 'all')
  const shared = { overview, series, theme, windowSec }
  return (
    <section className="tiles" aria-label={`Last ${span(overview.windowSec)}`}>
      <Tile
        {...shared}
        title="Requests"
        unit="req/s"
        show={showPerSec}
        axisText={value => showPerSec(value).text}
        lines={[{ label: 'requests per second', values: series.requestsPerSec }]}
      >
        <Figure measured={tiles.requestsPerSec} show={showPerSec} />
      </Tile>
      <Tile
        {...shared}
        title="Latency"
        unit="ms, p95 solid, p50 dashed"
        show={showMs}
        limit={objective?.p95LimitMs}
        lines={[
          { label: 'p95', values: series.p95Ms },
          { label: 'p50', values: series.p50Ms, dashed: true },
        ]}
      >
        <span className="label">p95</span> <Figure measured={tiles.p95Ms} show={showMs} enough={ENOUGH_FOR_P95} />
        <span className="beside">
          p50 {tiles.p50Ms.value === null ? '–' : joined(showMs(tiles.p50Ms.value))} · p99{' '}
          {tiles.p99Ms.value === null ? '–' : joined(showMs(tiles.p99Ms.value))}
        </span>
      </Tile>
      <Tile
        {...shared}
        title="Errors"
        unit="% of requests"
        show={showRatio}
        leastTop={0.01}
        lines={[{ label: 'error ratio', values: series.errorRatio }]}
      >
        <Figure measured={tiles.errorRatio} show={showRatio} />
      </Tile>
      <Tile
        {...shared}
        title="Cache hits"
        unit="% of reads, L1 and L2"
        show={showRatio}
        leastTop={0.95}
        lines={[{ label: 'hit ratio', values: series.hitRatio }]}
      >
        <span className="label">L1</span> <Figure measured={tiles.l1HitRatio} show={showRatio} />
        <span className="beside">
          L2 <Figure measured={tiles.l2HitRatio} show={showRatio} />
        </span>
      </Tile>
      <Tile
        {...shared}
        title="Pool in use"
        unit="connections"
        show={showNumberWhole}
        limit={tiles.pool?.max}
        lines={[{ label: 'connections in use', values: series.poolUsed }]}
      >
        {tiles.pool === null ? (
          <Figure measured={{ value: null, n: 0 }} show={showNumber} />
        ) : (
          <span className="figure">
            <span className="value">{tiles.pool.used}</span>
            <span className="unit"> of {tiles.pool.max}</span>{' '}
            <span className="count">
              {tiles.pool.idle} idle, {tiles.pool.waiting} waiting
            </span>
          </span>
        )}
      </Tile>
      <Tile {...shared} title="Pool wait" unit="ms, p95" show={showMs} lines={[{ label: 'pool wait p95', values: series.poolWaitP95Ms }]}>
        <span className="label">p95</span> <Figure measured={tiles.poolWaitP95Ms} show={showMs} enough={ENOUGH_FOR_P95} />
      </Tile>
      {tiles.jobs === null ? null : (
        <Tile {...shared} title="Jobs" unit="wait, p95" show={showMs} lines={[{ label: 'wait p95', values: series.jobWaitP95Ms }]}>
          <Figure measured={tiles.jobs.waitP95Ms} show={showMs} enough={ENOUGH_FOR_P95} />
          <Link className="beside" href={linkTo('/jobs')}>
            {count(tiles.jobs.waiting)} waiting · {count(tiles.jobs.dead)} dead
          </Link>
        </Tile>
      )}
      <article className="tile by-route">
        <header className="tile-head">
          <h2>Statements per request</h2>
        </header>
        <p className="tile-value">
          <Figure measured={tiles.statementsPerRequest} show={showNumber} samples="requests" />
        </p>
        <ul className="plain route-figures">
          {routes.slice(0, 4).map(route => (
            <li key={route.route}>
              <span className="route-name">{route.route}</span> <Figure measured={route.statementsPerRequest} show={showNumber} />
            </li>
          ))}
        </ul>
      </article>
    </section>
  )
}

interface TileProps extends Omit<TilesProps, 'linkTo'> {
  readonly series: LiveSeries
  readonly title: string
  readonly unit: string
  readonly show: (value: number) => Shown
  readonly limit?: number | undefined
  readonly leastTop?: number
  /** How the axis writes a value. Default: with its unit. */
  readonly axisText?: (value: number) => string
  readonly lines: readonly ChartLine[]
  readonly children: ReactNode
}

function Tile({ overview, series, theme, windowSec, title, unit, show, limit, leastTop = 0, axisText, lines, children }: TileProps): ReactElement {
  const text = (value: number): string => joined(show(value))
  return (
    <article className="tile">
      <header className="tile-head">
        <h2>{title}</h2>
        <span className="count">{unit}</span>
        <SeriesTable title={title} unit={unit} atMs={series.atMs} lines={lines} show={text} partial={series.partial} />
      </header>
      <p className="tile-value">{children}</p>
      <LineChart
        summary={summaryOf(title, lines, text, windowSec, series.partial, limit)}
        theme={theme}
        atMs={series.atMs}
        lines={lines}
        windowSec={windowSec}
        partial={series.partial}
        axisText={axisText ?? text}
        limit={limit}
        leastTop={leastTop}
        events={overview.events}
      />
      <p className="chart-foot" aria-hidden="true">
        <span>{span(windowSec)} ago</span>
        {limit === undefined ? null : <span className="limit-note">limit {text(limit)}</span>}
        <span>now</span>
      </p>
    </article>
  )
}

function showNumberWhole(value: number): Shown {
  return { text: Number.isInteger(value) ? String(value) : value.toFixed(1), unit: '' }
}
