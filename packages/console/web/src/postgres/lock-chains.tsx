import type { ReactElement } from 'react'
import type { DatabaseHealthAnswer } from '../../../src/api/database-contract.ts'
import { counted, span } from '../format.ts'

type Chain = DatabaseHealthAnswer['locks']['chains'][number]
type Session = Chain['holder']

/** Each session that holds others up, and those behind it. */
export function LockChains({ locks: { chains } }: { readonly locks: DatabaseHealthAnswer['locks'] }): ReactElement {
  if (chains.length === 0) return <p className="empty">Nobody waits for a lock.</p>
  return (
    <ul className="plain lock-chains">
      {chains.map(({ holder, waiters, longestWaitMs }) => (
        <li key={holder.pid}>
          <p>
            <strong>{nameOf(holder)}</strong> holds up {counted(waiters.length, 'session')}, the longest for {span(longestWaitMs / 1000)}
            {holder.transactionMs === null ? '' : `; its transaction is open for ${span(holder.transactionMs / 1000)}`}
            {holder.state === '' ? '' : `, ${holder.state}`}
          </p>
          <Statement session={holder} />
          <ol className="plain">
            {waiters.map(waiter => (
              <li key={waiter.pid} style={{ marginInlineStart: `${waiter.depth * 16}px` }}>
                <p>
                  {nameOf(waiter)} waits {waiter.waitedMs === null ? '' : `${span(waiter.waitedMs / 1000)} `}for {waiter.lockMode}
                  {waiter.relation === null ? '' : ` on ${waiter.relation}`}
                  {waiter.depth > 1 ? ` behind pid ${waiter.blockedBy.join(', ')}` : ''}
                </p>
                <Statement session={waiter} />
              </li>
            ))}
          </ol>
          {holder.pid === 0 ? null : (
            <p className="count">
              To end it: <code>SELECT pg_terminate_backend({holder.pid})</code>
            </p>
          )}
        </li>
      ))}
    </ul>
  )
}

function Statement({ session: { statement } }: { readonly session: Session }): ReactElement | null {
  return statement === null ? null : <code className="lock-statement">{statement}</code>
}

function nameOf({ pid, application, role }: Session): string {
  const name = application === '' ? role : application
  return pid === 0 ? name : `${name === '' ? 'a session' : name} (pid ${pid})`
}
