import type { ReactElement } from 'react'
import type { DatabasePoolAnswer } from '../../../src/api/database-contract.ts'
import { ms, span } from '../format.ts'
import { Scroller } from '../parts/scroller.tsx'

/** From here on seconds are enough. */
const SPAN_FROM_MS = 10_000

/** Who holds a connection for longest: the line of code, the route, and what it does there. */
export function PoolHolders({ holders }: { readonly holders: DatabasePoolAnswer['holders'] }): ReactElement {
  if (holders.length === 0) return <p className="empty">No connection is checked out now.</p>
  return (
    <Scroller label="Longest holders, table" className="holders">
      <table>
        <thead>
          <tr>
            <th scope="col" className="number">
              Held
            </th>
            <th scope="col">By</th>
            <th scope="col">Doing</th>
            <th scope="col">Statement</th>
            <th scope="col">Instance</th>
          </tr>
        </thead>
        <tbody>
          {holders.map(({ heldMs, callSite, route, isRunning, statement, instanceId }, at) => (
            // Two holders may be alike in all that is known of them; their place is the order of the list.
            // biome-ignore lint/suspicious/noArrayIndexKey: see above
            <tr key={at}>
              <td className="number">{heldMs < SPAN_FROM_MS ? ms(heldMs) : span(heldMs / 1000)}</td>
              <td>
                {callSite === undefined ? 'not known' : <code>{callSite}</code>}
                {route === undefined ? null : <div className="count">{route}</div>}
              </td>
              <td>{isRunning ? 'waits for PostgreSQL' : 'nothing in the database'}</td>
              <td className="holder-statement">{statement === undefined ? 'none sent yet' : <code>{statement}</code>}</td>
              <td>{instanceId}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  )
}
