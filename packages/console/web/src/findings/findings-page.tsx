import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { Link } from 'wouter'
import type { FindingSummary } from '../../../src/api/contract.ts'
import { fetchFindings } from '../api/client.ts'
import { count, counted, ms, percent } from '../format.ts'
import { Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { Scroller } from '../parts/scroller.tsx'
import { StateMark } from '../parts/state-mark.tsx'

/** Every finding, whatever its state, ranked by what mending it saves. */
export function FindingsPage({ linkTo }: { linkTo(path: string): string }): ReactElement {
  const { data, error } = useQuery({ queryKey: ['findings', 'list'], queryFn: ({ signal }) => fetchFindings(signal) })
  return (
    <section className="panel findings-page" aria-labelledby="findings-title">
      <header className="panel-head">
        <h1 id="findings-title">Findings</h1>
        {data === undefined ? null : <div className="aside">{counted(data.findings.length, 'finding')}, critical first, then by time saved</div>}
      </header>
      {error === null ? null : <ProblemNote error={error} />}
      {data === undefined && error === null ? <Skeleton lines={5} label="Reading the findings" /> : null}
      {data === undefined ? null : data.findings.length === 0 ? (
        <div className="empty">
          <p>
            <strong>Nothing was found so far.</strong>
          </p>
          <p className="count">Findings come from statements under traffic and from the state of the database; fixed ones stay listed here.</p>
        </div>
      ) : (
        <FindingTable findings={data.findings} linkTo={linkTo} />
      )}
    </section>
  )
}

function FindingTable({ findings, linkTo }: { readonly findings: readonly FindingSummary[]; linkTo(path: string): string }): ReactElement {
  return (
    <Scroller label="Findings, table">
      <table>
        <thead>
          <tr>
            <th scope="col">Finding</th>
            <th scope="col">State</th>
            <th scope="col" className="number">
              Saves each second
            </th>
            <th scope="col" className="number">
              Share of time
            </th>
            <th scope="col" className="number">
              n
            </th>
          </tr>
        </thead>
        <tbody>
          {findings.map(finding => (
            <tr key={finding.id}>
              <th scope="row" className="finding-cell">
                <Link href={linkTo(`/findings/${encodeURIComponent(finding.id)}`)} data-finding={finding.id}>
                  <span className="finding-id">{finding.id}</span> {finding.title}
                </Link>
                <span className="count">
                  {finding.rule}
                  {finding.severity === null ? '' : ` · ${finding.severity}`}
                </span>
              </th>
              <td>
                <StateMark state={finding.state} verdict={finding.verdict} />
              </td>
              <td className="number">{finding.isOfObject ? '–' : ms(finding.savesMsPerSec)}</td>
              <td className="number">{finding.isOfObject ? '–' : percent(finding.shareOfTime)}</td>
              <td className="number">{count(finding.sampleCount)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scroller>
  )
}
