import type { ReactElement, ReactNode } from 'react'
import { Link } from 'wouter'
import type { DatabaseQueriesAnswer } from '../../../src/api/database-contract.ts'
import { count, ms, msFine, percent, showMs, showNumber } from '../format.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'
import { Panel } from '../parts/panel.tsx'
import { Sql } from '../parts/sql.tsx'
import { showBytes } from '../show-bytes.ts'

interface QueryDetailProps {
  readonly answer: DatabaseQueriesAnswer
  readonly fingerprint: string
  readonly closeHref: string
}

/** One statement, as the services measured it beside what the server counted. */
export function QueryDetail({ answer, fingerprint, closeHref }: QueryDetailProps): ReactElement {
  const measured = answer.queries.find(row => row.fingerprint === fingerprint)
  const counted = answer.server?.statements.find(row => row.fingerprint === fingerprint)
  const text = measured?.text ?? counted?.text ?? null
  return (
    <Panel title="One statement" className="query-detail" aside={<Link href={closeHref}>Close</Link>}>
      {text === null ? (
        <p className="empty">
          <strong>This statement was not seen</strong> in the window, nor is it among the 100 with most time on the server. Try a longer time range.
        </p>
      ) : (
        <>
          <Sql text={text} />
          <div className="actions">
            <CopyButton text={text} />
          </div>
        </>
      )}
      {measured === undefined ? null : <MeasuredFacts row={measured} />}
      {counted === undefined ? null : <CountedFacts row={counted} />}
    </Panel>
  )
}

function MeasuredFacts({ row }: { readonly row: DatabaseQueriesAnswer['queries'][number] }): ReactElement {
  return (
    <>
      <h3>The services, in the window</h3>
      <dl className="facts">
        <Fact name="Total">{ms(row.totalMs)}</Fact>
        <Fact name="Share of statement time">{percent(row.shareOfTime)}</Fact>
        <Fact name="Calls">{count(row.callCount)}</Fact>
        <Fact name="Mean">{ms(row.meanMs)}</Fact>
        <Fact name="p50">
          <Figure measured={row.p50Ms} show={showMs} />
        </Fact>
        <Fact name="p95">
          <Figure measured={row.p95Ms} show={showMs} enough={ENOUGH_FOR_P95} />
        </Fact>
        <Fact name="Rows a call">{showNumber(row.rowCount / row.callCount).text}</Fact>
        <Fact name="Failed">{count(row.errorCount)}</Fact>
        <Fact name="Waited for a connection">{ms(row.waitMs)}</Fact>
      </dl>
    </>
  )
}

function CountedFacts({ row }: { readonly row: NonNullable<DatabaseQueriesAnswer['server']>['statements'][number] }): ReactElement {
  return (
    <>
      <h3>The server, since its counters began</h3>
      <dl className="facts">
        <Fact name="Total">{ms(row.totalMs)}</Fact>
        <Fact name="Share of statement time">{percent(row.shareOfTime)}</Fact>
        <Fact name="Calls">{count(row.callCount)}</Fact>
        <Fact name="Mean">{ms(row.meanMs)}</Fact>
        <Fact name="Spread of one call">± {msFine(row.deviationMs)}</Fact>
        <Fact name="Shortest to longest">
          {msFine(row.leastMs)} to {ms(row.mostMs)}
        </Fact>
        <Fact name="Rows">{count(row.rowCount)}</Fact>
        <Fact name="Blocks found in memory">{row.hitRatio === null ? 'none read' : percent(row.hitRatio)}</Fact>
        <Fact name="Temporary files">{showBytes(row.temporaryBytes)}</Fact>
      </dl>
      <p className="count">pg_stat_statements queryid {row.queryId}</p>
    </>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactElement {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
