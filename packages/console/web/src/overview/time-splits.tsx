import { type ReactElement, useState } from 'react'
import type { RouteTime, TimeSplit } from '../../../src/api/contract.ts'
import { count, ms, showMs, span } from '../format.ts'
import { Panel } from '../parts/panel.tsx'

type Part = 'pool' | 'postgres' | 'redis' | 'app'

const PARTS: readonly { readonly part: Part; readonly label: string; readonly read: (split: TimeSplit) => number }[] = [
  { part: 'pool', label: 'Pool wait', read: split => split.poolMs },
  { part: 'postgres', label: 'PostgreSQL', read: split => split.postgresMs },
  { part: 'redis', label: 'Redis', read: split => split.redisMs },
  { part: 'app', label: 'App', read: split => split.appMs },
]

/** Routes drawn before the reader asks for more. */
const SHOWN_ROUTES = 5

interface TimeSplitsProps {
  readonly routes: readonly RouteTime[]
  readonly windowSec: number
}

/** For each route, where a request's time goes, at the median and at the 95th percentile. */
export function TimeSplits({ routes, windowSec }: TimeSplitsProps): ReactElement {
  const [opened, setOpened] = useState<string | null>(null)
  const [all, setAll] = useState(false)
  // All bars share one scale, so that a longer bar is a slower route.
  const widestMs = Math.max(...routes.flatMap(route => [reach(route.p50), reach(route.p95)]), 1e-6)
  return (
    <Panel title="Where a request’s time goes" aside={`last ${span(windowSec)}`} className="splits">
      {routes.length === 0 ? (
        <p className="empty">No requests in the last {span(windowSec)}.</p>
      ) : (
        <>
          <ul className="legend" aria-label="Parts, in the order of the bars">
            {PARTS.map(({ part, label }) => (
              <li key={part}>
                <span className={`swatch part-${part}`} aria-hidden="true" /> {label}
              </li>
            ))}
          </ul>
          <ul className="plain routes">
            {(all ? routes : routes.slice(0, SHOWN_ROUTES)).map(route => (
              <RouteRow
                key={route.route}
                route={route}
                widestMs={widestMs}
                open={opened === route.route}
                toggle={() => setOpened(opened === route.route ? null : route.route)}
              />
            ))}
          </ul>
          {routes.length > SHOWN_ROUTES ? (
            <button type="button" className="button quiet" aria-expanded={all} onClick={() => setAll(!all)}>
              {all ? 'Fewer routes' : `All ${routes.length} routes`}
            </button>
          ) : null}
        </>
      )}
    </Panel>
  )
}

interface RouteRowProps {
  readonly route: RouteTime
  readonly widestMs: number
  readonly open: boolean
  toggle(): void
}

function RouteRow({ route, widestMs, open, toggle }: RouteRowProps): ReactElement {
  return (
    <li className="route">
      <button type="button" className="route-button" aria-expanded={open} onClick={toggle}>
        <span className="route-head">
          <span className="route-name">{route.route}</span>
          <span className="count">n {count(route.requestCount)}</span>
        </span>
        <Bar name="p50" split={route.p50} widestMs={widestMs} />
        <Bar name="p95" split={route.p95} widestMs={widestMs} />
      </button>
      {open ? <SplitTable route={route} /> : null}
    </li>
  )
}

function Bar({ name, split, widestMs }: { readonly name: string; readonly split: TimeSplit; readonly widestMs: number }): ReactElement {
  return (
    <span className="bar-row">
      <span className="bar-name">{name}</span>
      <span className="bar" aria-hidden="true">
        {PARTS.map(({ part, label, read }) => {
          const partMs = read(split)
          if (partMs <= 0) return null
          return (
            <span key={part} className={`segment part-${part}`} style={{ width: `${(partMs / widestMs) * 100}%` }} title={`${label} ${ms(partMs)}`}>
              <span className="segment-label">
                {label} {showMs(partMs).text}
              </span>
            </span>
          )
        })}
      </span>
      <span className="bar-total">{ms(split.totalMs)}</span>
    </span>
  )
}

function SplitTable({ route }: { readonly route: RouteTime }): ReactElement {
  return (
    <div className="split-table">
      <table>
        <caption>Each number is the percentile of that part alone; percentiles of parts do not add up to the percentile of the whole.</caption>
        <thead>
          <tr>
            <th scope="col">Part</th>
            <th scope="col" className="number">
              p50
            </th>
            <th scope="col" className="number">
              p95
            </th>
          </tr>
        </thead>
        <tbody>
          {PARTS.map(({ part, label, read }) => (
            <tr key={part}>
              <th scope="row">
                <span className={`swatch part-${part}`} aria-hidden="true" /> {label}
              </th>
              <td className="number">{ms(read(route.p50))}</td>
              <td className="number">{ms(read(route.p95))}</td>
            </tr>
          ))}
          <tr className="sum">
            <th scope="row">Whole request</th>
            <td className="number">{ms(route.p50.totalMs)}</td>
            <td className="number">{ms(route.p95.totalMs)}</td>
          </tr>
        </tbody>
      </table>
    </div>
  )
}

function reach(split: TimeSplit): number {
  return PARTS.reduce((sum, { read }) => sum + read(split), 0)
}
