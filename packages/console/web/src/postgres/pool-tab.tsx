import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import type { DatabasePoolAnswer } from '../../../src/api/database-contract.ts'
import { fetchPool } from '../api/database-client.ts'
import { ChartTile } from '../charts/chart-tile.tsx'
import { showMs, span } from '../format.ts'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'
import { Panel } from '../parts/panel.tsx'
import { Reading } from '../parts/reading.tsx'
import { PoolBudget } from './pool-budget.tsx'
import { PoolHolders } from './pool-holders.tsx'
import { ConnectionGroups, PoolInstances } from './pool-tables.tsx'
import type { PostgresTabProps } from './postgres-page.tsx'
import { ReplicasPanel } from './replicas-panel.tsx'
import { ServerNote } from './server-note.tsx'
import { WaitBuckets } from './wait-buckets.tsx'

const REFRESH_MS = 2000

/** Who has connections, who waits for one and how long, where reads go, and whether all pools fit into the server. */
export function PoolTab({ live, theme, windowSec }: PostgresTabProps): ReactElement {
  const reading = useQuery({
    queryKey: ['pool', windowSec],
    queryFn: ({ signal }) => fetchPool(windowSec, signal),
    placeholderData: previous => previous,
    refetchInterval: live.paused ? false : REFRESH_MS,
  })
  return (
    <Reading reading={reading} label="Reading the pools">
      {pool => (
        <>
          {pool.totals === null ? <NoPool /> : <PoolTiles pool={pool} live={live} theme={theme} windowSec={windowSec} />}
          {pool.totals === null ? null : (
            <Panel title="Longest holders" aside="connections checked out now">
              <PoolHolders holders={pool.holders} />
            </Panel>
          )}
          {pool.replicas === null ? null : <ReplicasPanel replicas={pool.replicas} windowSec={pool.windowSec} />}
          <ServerNote problem={pool.serverProblem} />
          <div className="pair">
            {pool.instances.length === 0 ? null : (
              <Panel title="By instance" aside="now">
                <PoolInstances instances={pool.instances} />
              </Panel>
            )}
            {pool.server === null ? null : (
              <Panel title="On the server" aside="connections by application, of all databases">
                <ConnectionGroups server={pool.server} />
              </Panel>
            )}
          </div>
        </>
      )}
    </Reading>
  )
}

function NoPool(): ReactElement {
  return (
    <section className="panel empty">
      <p>
        <strong>No instance that is up shows a pool.</strong>
      </p>
      <p className="count">
        Numbers appear when a service hands its pool to Holdfast: <code>holdfast({'{ pg: pool }'})</code>.
      </p>
    </section>
  )
}

type TilesProps = Pick<PostgresTabProps, 'live' | 'theme' | 'windowSec'> & { readonly pool: DatabasePoolAnswer }

function PoolTiles({ pool, live, theme, windowSec }: TilesProps): ReactElement {
  const { totals, series, acquireWait } = pool
  const shared = { series, theme, windowSec, events: live.overview?.events ?? [] }
  return (
    <section className="tiles" aria-label={`Last ${span(pool.windowSec)}`}>
      <ChartTile
        {...shared}
        title="Connections"
        unit="in use solid, callers waiting dashed"
        show={value => ({ text: String(value), unit: '' })}
        limit={totals?.max}
        lines={[
          { label: 'connections in use', values: series.used },
          { label: 'callers waiting', values: series.waiting, dashed: true },
        ]}
      >
        <span className="figure">
          <span className="value">{totals?.used}</span>
          <span className="unit"> of {totals?.max}</span>
        </span>
        <span className="beside">
          {totals?.idle} idle · {totals?.waiting} waiting
        </span>
      </ChartTile>
      <ChartTile {...shared} title="Wait for one" unit="p95" show={showMs} lines={[{ label: 'wait p95', values: series.waitP95Ms }]}>
        <span className="label">p95</span> <Figure measured={acquireWait.p95Ms} show={showMs} enough={ENOUGH_FOR_P95} />
      </ChartTile>
      <article className="tile">
        <header className="tile-head">
          <h2>Waits</h2>
          <span className="count">last {span(pool.windowSec)}</span>
        </header>
        <ul className="plain route-figures">
          {(
            [
              ['p50', acquireWait.p50Ms, 1],
              ['p95', acquireWait.p95Ms, ENOUGH_FOR_P95],
              ['p99', acquireWait.p99Ms, 100],
              ['longest', acquireWait.mostMs, 1],
            ] as const
          ).map(([name, measured, enough]) => (
            <li key={name}>
              <span className="route-name">{name}</span> <Figure measured={measured} show={showMs} enough={enough} />
            </li>
          ))}
        </ul>
      </article>
      <article className="tile">
        <header className="tile-head">
          <h2>How long callers waited</h2>
        </header>
        <WaitBuckets buckets={acquireWait.buckets} />
      </article>
      <PoolBudget pool={pool} />
    </section>
  )
}
