import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { Link } from 'wouter'
import type { DatabaseQueriesAnswer } from '../../../src/api/database-contract.ts'
import { fetchQueries } from '../api/database-client.ts'
import { count, dateTime, ms, span } from '../format.ts'
import { useParam, withParam } from '../live/use-param.ts'
import { Panel } from '../parts/panel.tsx'
import { Reading } from '../parts/reading.tsx'
import type { PostgresTabProps } from './postgres-page.tsx'
import { QueryDetail } from './query-detail.tsx'
import { MeasuredQueries, ServerQueries } from './query-tables.tsx'
import { ServerNote } from './server-note.tsx'

const REFRESH_MS = 3000
const PATH = '/postgres/queries'

/** The statements by total time: as the instances measured them in the window, or as the server counted them; one of them in detail. */
export function QueriesTab({ live, windowSec, linkTo }: PostgresTabProps): ReactElement {
  const [source] = useParam('source')
  const [chosen] = useParam('q')
  const reading = useQuery({
    queryKey: ['queries', windowSec],
    queryFn: ({ signal }) => fetchQueries(windowSec, signal),
    placeholderData: previous => previous,
    refetchInterval: live.paused ? false : REFRESH_MS,
  })
  const isServer = source === 'server'
  const linkToQuery = (fingerprint: string | null): string =>
    withParam(withParam(linkTo(PATH), 'source', isServer ? 'server' : null), 'q', fingerprint)
  return (
    <Reading reading={reading} label="Reading the statements">
      {answer => (
        <>
          {chosen === null ? null : <QueryDetail answer={answer} fingerprint={chosen} closeHref={linkToQuery(null)} />}
          <Panel title="Statements" className="queries" aside={isServer ? serverAside(answer) : measuredAside(answer)}>
            <nav className="choices" aria-label="Counted by">
              <Link href={withParam(linkTo(PATH), 'q', chosen)} aria-current={isServer ? undefined : 'true'}>
                The services, last {span(windowSec)}
              </Link>
              <Link href={withParam(withParam(linkTo(PATH), 'source', 'server'), 'q', chosen)} aria-current={isServer ? 'true' : undefined}>
                The server, since its counters began
              </Link>
            </nav>
            {isServer ? <FromServer answer={answer} linkToQuery={linkToQuery} /> : <FromServices answer={answer} linkToQuery={linkToQuery} />}
          </Panel>
        </>
      )}
    </Reading>
  )
}

interface PartProps {
  readonly answer: DatabaseQueriesAnswer
  linkToQuery(fingerprint: string): string
}

function FromServices({ answer, linkToQuery }: PartProps): ReactElement {
  if (answer.queries.length === 0) {
    return (
      <p className="empty">
        <strong>No statement ran in the last {span(answer.windowSec)}.</strong> Statements of a pool that a service handed to Holdfast appear here;
        those of everybody are under <em>The server</em>.
      </p>
    )
  }
  return <MeasuredQueries queries={answer.queries} linkToQuery={linkToQuery} />
}

function FromServer({ answer: { server, serverProblem }, linkToQuery }: PartProps): ReactElement {
  if (server === null) return <ServerNote problem={serverProblem} />
  if (server.statements.length === 0) return <p className="empty">No statement was counted since the counters were reset.</p>
  return (
    <>
      <ServerQueries statements={server.statements} linkToQuery={linkToQuery} />
      {server.maySeeAll ? null : (
        <p className="count">
          Texts of other roles are not seen: <code>GRANT pg_read_all_stats</code> to the console's role.
        </p>
      )}
    </>
  )
}

function measuredAside({ callCount, totalMs }: DatabaseQueriesAnswer): string {
  return `${count(callCount)} calls, ${ms(totalMs)} in all`
}

function serverAside({ server }: DatabaseQueriesAnswer): string {
  if (server === null) return ''
  const since = server.countersSinceMs === null ? '' : `, since ${dateTime(server.countersSinceMs)}`
  return `${count(server.callCount)} calls, ${ms(server.totalMs)} in all${since}`
}
