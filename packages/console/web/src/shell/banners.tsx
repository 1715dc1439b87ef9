import type { ReactElement } from 'react'
import type { Overview } from '../../../src/api/contract.ts'
import { span, timeOfDay } from '../format.ts'
import type { Live } from '../live/use-live.ts'
import { Icon } from '../parts/icon.tsx'

/** What stands in the way of believing the page: a broken stream, a pause, a service that is not well. */
export function Banners({ live }: { readonly live: Live }): ReactElement {
  const { connection, overview, paused } = live
  return (
    <>
      <div role="status" className="banners">
        {connection.kind === 'lost' ? (
          <div className="banner tone-bad">
            <Icon name="bad" />
            <p>
              <strong>Console not reachable since {timeOfDay(connection.sinceMs)}, trying again.</strong>
              {overview === null ? '' : ' The values below are the last ones received. The service itself does not depend on the console.'}
            </p>
            <button type="button" className="button" onClick={live.retryNow}>
              Try now
            </button>
          </div>
        ) : null}
        {connection.kind === 'refused' ? (
          <div className="banner tone-bad">
            <Icon name="bad" />
            <p>
              <strong>The console no longer accepts this page.</strong> {connection.why}
            </p>
            <button type="button" className="button" onClick={live.retryNow}>
              Try again
            </button>
          </div>
        ) : null}
        {paused && overview !== null ? (
          <div className="banner tone-quiet">
            <Icon name="pause" />
            <p>
              <strong>Paused at {timeOfDay(overview.atMs)}.</strong> Measuring goes on; press <kbd>p</kbd> to see the present.
            </p>
          </div>
        ) : null}
      </div>
      {overview === null || overview.health.status === 'ok' ? null : <HealthBanner health={overview.health} atMs={overview.atMs} />}
    </>
  )
}

function HealthBanner({ health, atMs }: { readonly health: Overview['health']; readonly atMs: number }): ReactElement {
  const down = health.status === 'down'
  return (
    <section className={`banner ${down ? 'tone-bad' : 'tone-warn'}`} aria-label="Health">
      <Icon name={down ? 'bad' : 'warn'} />
      <div>
        <p>
          <strong>{down ? 'Down, as far as can be seen from here.' : 'Degraded: requests are answered, with less speed or protection.'}</strong>
        </p>
        <ul className="plain">
          {health.reasons.map(reason => (
            <li key={reason.component + reason.why}>
              <strong>{reason.component}</strong>: {reason.why}{' '}
              <span className="count">
                since {timeOfDay(reason.sinceMs)} ({span((atMs - reason.sinceMs) / 1000)})
              </span>
            </li>
          ))}
        </ul>
      </div>
    </section>
  )
}
