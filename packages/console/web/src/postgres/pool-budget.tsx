import type { ReactElement } from 'react'
import type { DatabasePoolAnswer } from '../../../src/api/database-contract.ts'
import { count } from '../format.ts'
import { Mark } from '../parts/mark.tsx'
import { Meter } from '../parts/meter.tsx'

/** Whether all pools, full, fit into what the server has for ordinary roles. Nothing where the server did not say. */
export function PoolBudget({ pool: { totals, server, instances } }: { readonly pool: DatabasePoolAnswer }): ReactElement | null {
  if (totals === null || server === null) return null
  const room = Math.min(server.max - server.reserved, server.databaseLimit ?? Number.POSITIVE_INFINITY)
  // What others have open now is not there for the pools.
  const others = Math.max(0, server.used - totals.used - totals.idle)
  const free = Math.max(0, room - others)
  const fits = totals.max <= free
  return (
    <article className="tile budget">
      <header className="tile-head">
        <h2>Against the server</h2>
        <span className="count">max_connections {count(server.max)}</span>
      </header>
      <p className="tile-value">
        <Mark tone={fits ? 'ok' : 'warn'}>{fits ? 'All pools fit' : 'All pools together do not fit'}</Mark>
      </p>
      <Meter label="connections in use on the server" ratio={room === 0 ? 1 : server.used / room} />
      <p className="count">
        {count(server.used)} of {count(room)} in use{server.reserved === 0 ? '' : ` (${count(server.reserved)} more are reserved)`}. The pools of{' '}
        {instances.length === 1 ? 'this instance' : `these ${count(instances.length)} instances`} may open {count(totals.max)}; others have{' '}
        {count(others)} open, which leaves {count(free)}.
      </p>
      {fits ? null : (
        <p>
          Lower <code>max</code> of the pools or raise <code>max_connections</code>: at full load PostgreSQL refuses the rest (53300).
        </p>
      )}
    </article>
  )
}
