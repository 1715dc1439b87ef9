import type { ReactElement, ReactNode } from 'react'
import type { CacheMetricsAnswer } from '../../../src/api/cache-contract.ts'
import type { ConsoleEvent } from '../../../src/api/contract.ts'
import { ChartTile } from '../charts/chart-tile.tsx'
import { count, joined, type Shown, showMs, showPerSec, showRatio, span } from '../format.ts'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'
import { showSize } from '../show-bytes.ts'
import type { Theme } from '../theme.ts'

interface CacheTilesProps {
  readonly metrics: CacheMetricsAnswer
  readonly theme: Theme
  readonly windowSec: number
  readonly events: readonly ConsoleEvent[]
  /** Stands beside the last tile. */
  readonly children: ReactNode
}

/** The numbers of the window, each with its last minutes. */
export function CacheTiles({ metrics, theme, windowSec, events, children }: CacheTilesProps): ReactElement {
  const { totals, series } = metrics
  const shared = { series, theme, windowSec, events }
  return (
    <section className="tiles" aria-label={`Last ${span(metrics.windowSec)}`}>
      <ChartTile
        {...shared}
        title="Hits"
        unit="per s, L1 solid, L2 dashed"
        show={perSec}
        isBareAxis
        lines={[
          { label: 'L1 hits per second', values: series.l1PerSec },
          { label: 'L2 hits per second', values: series.l2PerSec, dashed: true },
        ]}
      >
        <Figure measured={totals.hitRatio} show={showRatio} />
        <span className="beside">
          L1 {ratioText(totals.l1HitRatio.value)} · L2 {ratioText(totals.l2HitRatio.value)}
        </span>
      </ChartTile>
      <ChartTile
        {...shared}
        title="Misses"
        unit="per s, joined a load dashed"
        show={perSec}
        isBareAxis
        lines={[
          { label: 'misses per second', values: series.missPerSec },
          { label: 'reads that joined a load, per second', values: series.coalescedPerSec, dashed: true },
        ]}
      >
        <Count value={totals.missCount} what="misses" />
        <span className="beside">
          {count(totals.coalescedCount)} joined a load · {count(totals.loadErrorCount)} failed loads
        </span>
      </ChartTile>
      <ChartTile
        {...shared}
        title="Stale and evicted"
        unit="per s, evicted dashed"
        show={perSec}
        isBareAxis
        lines={[
          { label: 'stale values served per second', values: series.stalePerSec },
          { label: 'evictions per second', values: series.evictionPerSec, dashed: true },
        ]}
      >
        <Count value={totals.staleCount} what="served stale" />
        <span className="beside">{count(totals.evictionCount)} evicted</span>
      </ChartTile>
      <ChartTile {...shared} title="Memory" unit="estimated" show={showSize} lines={[{ label: 'bytes in memory', values: series.bytes }]}>
        <span className="figure">
          <span className="value">{showSize(totals.bytes).text}</span> <span className="unit">{showSize(totals.bytes).unit}</span>{' '}
          <span className="count">{count(totals.entries)} entries</span>
        </span>
      </ChartTile>
      <article className="tile by-route">
        <header className="tile-head">
          <h2>Times</h2>
          <span className="count">ms</span>
        </header>
        <ul className="plain route-figures">
          {(
            [
              ['Load p50', totals.loadP50Ms, 1],
              ['Load p95', totals.loadP95Ms, ENOUGH_FOR_P95],
              ['Redis read p50', totals.redisReadP50Ms, 1],
              ['Redis read p95', totals.redisReadP95Ms, ENOUGH_FOR_P95],
            ] as const
          ).map(([name, measured, enough]) => (
            <li key={name}>
              <span className="route-name">{name}</span> <Figure measured={measured} show={showMs} enough={enough} />
            </li>
          ))}
        </ul>
      </article>
      {children}
    </section>
  )
}

function Count({ value, what }: { readonly value: number; readonly what: string }): ReactElement {
  return (
    <span className="figure">
      <span className="value">{count(value)}</span> <span className="count">{what}</span>
    </span>
  )
}

function perSec(value: number): Shown {
  return { text: showPerSec(value).text, unit: '/s' }
}

function ratioText(value: number | null): string {
  return value === null ? '–' : joined(showRatio(value))
}
