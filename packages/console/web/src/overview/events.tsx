import type { ReactElement } from 'react'
import type { ConsoleEvent } from '../../../src/api/contract.ts'
import { timeOfDay } from '../format.ts'
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
  invalidate: 'close',
  warm: 'load',
  archive: 'save',
  vacuum: 'apply',
  jobs: 'table',
}

/** Lines shown. */
const LISTED = 6

/** What happened, newest first. Each has its mark in the lane under every chart. */
export function Events({ events }: { readonly events: readonly ConsoleEvent[] }): ReactElement {
  const newestFirst = events.toSorted((a, b) => b.atMs - a.atMs).slice(0, LISTED)
  return (
    <Panel title="Events" aside="▲ in the charts" className="events">
      {events.length === 0 ? (
        <p className="empty">Nothing happened in this time range.</p>
      ) : (
        <ol className="plain event-list">
          {newestFirst.map(event => (
            <li key={`${event.atMs} ${event.text}`}>
              <time dateTime={new Date(event.atMs).toISOString()}>{timeOfDay(event.atMs)}</time>
              <Icon name={ICONS[event.kind]} />
              <span>
                <span className="event-kind">{event.kind}</span> {event.text}
              </span>
            </li>
          ))}
        </ol>
      )}
    </Panel>
  )
}
