import type { ReactElement } from 'react'
import type { DatabaseHealthAnswer } from '../../../src/api/database-contract.ts'
import { span } from '../format.ts'
import { Scroller } from '../parts/scroller.tsx'

/** Transactions that are open for long, oldest first. */
export function LongTransactions({ transactions }: { readonly transactions: DatabaseHealthAnswer['longTransactions'] }): ReactElement {
  if (transactions.length === 0) return <p className="empty">No transaction is open for long.</p>
  return (
    <Scroller label="Long transactions, table" className="holders">
      <table>
        <thead>
          <tr>
            <th scope="col" className="number">
              Open for
            </th>
            <th scope="col">By</th>
            <th scope="col">State</th>
            <th scope="col">Last statement</th>
          </tr>
        </thead>
        <tbody>
          {transactions.map(({ pid, application, role, state, ageMs, inStateMs, statement }) => (
            <tr key={pid ?? application}>
              <td className="number">{span(ageMs / 1000)}</td>
              <td>
                {application === '' ? role : application}
                <div className="count">{pid === null ? `prepared by ${role}` : `${role}, pid ${pid}`}</div>
              </td>
              <td>
                {state}
                {inStateMs === null ? null : <div className="count">for {span(inStateMs / 1000)}</div>}
              </td>
              <td className="holder-statement">{statement === null ? '–' : <code>{statement}</code>}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  )
}
