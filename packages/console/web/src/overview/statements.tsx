import type { ReactElement } from 'react'
import type { StatementRow } from '../../../src/api/contract.ts'
import { count, ms, percent, showMs, span } from '../format.ts'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'
import { Panel } from '../parts/panel.tsx'
import { Scroller } from '../parts/scroller.tsx'

interface StatementsProps {
  readonly statements: readonly StatementRow[]
  readonly windowSec: number
}

/** The statements that take most of the database's time. */
export function Statements({ statements, windowSec }: StatementsProps): ReactElement {
  return (
    <Panel title="Top statements" aside={`by total time, last ${span(windowSec)}`} className="statements">
      {statements.length === 0 ? (
        <p className="empty">No statement ran in the last {span(windowSec)}.</p>
      ) : (
        <Scroller label="Top statements, table">
          <table>
            <thead>
              <tr>
                <th scope="col">Statement</th>
                <th scope="col" className="number">
                  Share
                </th>
                <th scope="col" className="number">
                  Total
                </th>
                <th scope="col" className="number">
                  Calls
                </th>
                <th scope="col" className="number">
                  Mean
                </th>
                <th scope="col" className="number">
                  p95
                </th>
              </tr>
            </thead>
            <tbody>
              {statements.map(statement => (
                <tr key={statement.fingerprint}>
                  <td className="statement-cell">
                    <details>
                      <summary>
                        <code>{statement.text}</code>
                      </summary>
                      <pre>{statement.text}</pre>
                    </details>
                  </td>
                  <td className="number share-cell">
                    <span className="share-bar" aria-hidden="true">
                      <span style={{ width: `${Math.min(1, statement.shareOfTime) * 100}%` }} />
                    </span>
                    {percent(statement.shareOfTime)}
                  </td>
                  <td className="number">{ms(statement.totalMs)}</td>
                  <td className="number">{count(statement.callCount)}</td>
                  <td className="number">{ms(statement.meanMs)}</td>
                  <td className="number">
                    <Figure measured={statement.p95Ms} show={showMs} enough={ENOUGH_FOR_P95} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </Scroller>
      )}
    </Panel>
  )
}
