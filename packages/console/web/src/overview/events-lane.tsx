import type { ReactElement } from 'react'
import type { ConsoleEvent } from '../../../src/api/contract.ts'
import { span, timeOfDay } from '../format.ts'
import { Icon, type IconName } from '../parts/icon.tsx'
import { Panel } from '../parts/panel.tsx'

const ICONS: Readonly<Record<ConsoleEvent['kind'], IconName>> = {
  load: 'load',
  finding: 'finding',
  apply: 'apply',
  verify: 'ok',
  revert: 'revert',
  service: 'service',
  deploy: 'next',
}

/** Lines of the list under the lane. */
const LISTED = 6

interface EventsLaneProps {
  readonly events: readonly ConsoleEvent[]
  readonly atMs: number
  readonly windowSec: number
}

/** What happened, at its place on the charts' time axis and as a list. */
export function EventsLane({ events, atMs, windowSec }: EventsLaneProps): ReactElement {
  const startMs = atMs - windowSec * 1000
  const within = events.filter(event => event.atMs >= startMs && event.atMs <= atMs)
  const newestFirst = events.toSorted((a, b) => b.atMs - a.atMs).slice(0, LISTED)
  return (
    <Panel title="Events" aside="dashed lines in the charts" className="events">
      {events.length === 0 ? (
        <p className="empty">Nothing happened yet.</p>
      ) : (
        <>
          <div className="lane" aria-hidden="true">
            {within.map(event => (
              <span
                key={`${event.atMs} ${event.text}`}
                className="lane-mark"
                style={{ left: `${((event.atMs - startMs) / (windowSec * 1000)) * 100}%` }}
                title={event.text}
              >
                <Icon name={ICONS[event.kind]} />
              </span>
            ))}
          </div>
          <p className="chart-foot" aria-hidden="true">
            <span>{span(windowSec)} ago</span>
            <span>now</span>
          </p>
          <ol className="plain event-list">
            {newestFirst.map(event => (
              <li key={`${event.atMs} ${event.text}`}>
                <time dateTime={new Date(event.atMs).toISOString()}>{timeOfDay(event.atMs)}</time>
                <Icon name={ICONS[event.kind]} />
                <span className="event-kind">{event.kind}</span>
                <span>{event.text}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </Panel>
  )
}
