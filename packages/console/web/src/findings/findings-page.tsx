import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { Link } from 'wouter'
import type { FindingSummary } from '../../../src/api/contract.ts'
import { fetchFindings } from '../api/client.ts'
import { count, counted, ms, percent } from '../format.ts'
import { useParam } from '../live/use-param.ts'
import { Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { Scroller } from '../parts/scroller.tsx'
import { StateMark } from '../parts/state-mark.tsx'

/** The states that can be chosen, those that want somebody first. */
const STATES: readonly (readonly [FindingSummary['state'], string])[] = [
  ['open', 'Open'],
  ['regressed', 'Regressed'],
  ['applied', 'Applied'],
  ['snoozed', 'Snoozed'],
  ['verified', 'Verified'],
  ['gone', 'No longer seen'],
]

/** Every finding, or those of one state, ranked by what mending it saves. */
export function FindingsPage({ linkTo }: { linkTo(path: string): string }): ReactElement {
  const { data, error } = useQuery({ queryKey: ['findings', 'list'], queryFn: ({ signal }) => fetchFindings(signal) })
  const [state, setState] = useParam('state')
  const shown = state === null ? data?.findings : data?.findings.filter(finding => finding.state === state)
  return (
    <section className="panel findings-page" aria-labelledby="findings-title">
      <header className="panel-head">
        <h1 id="findings-title">Findings</h1>
        {shown === undefined ? null : <div className="aside">{counted(shown.length, 'finding')}, critical first, then by time saved</div>}
      </header>
      {error === null ? null : <ProblemNote error={error} />}
      {data === undefined && error === null ? <Skeleton lines={5} label="Reading the findings" /> : null}
      {data === undefined || data.findings.length === 0 ? null : <StateChoice findings={data.findings} state={state} choose={setState} />}
      {data === undefined || shown === undefined ? null : data.findings.length === 0 ? (
        <NothingFound linkTo={linkTo} />
      ) : shown.length === 0 ? (
        <p className="empty">No finding is in this state.</p>
      ) : (
        <FindingTable findings={shown} linkTo={linkTo} />
      )}
    </section>
  )
}

interface StateChoiceProps {
  readonly findings: readonly FindingSummary[]
  readonly state: string | null
  choose(state: string | null): void
}

function StateChoice({ findings, state, choose }: StateChoiceProps): ReactElement {
  return (
    <fieldset className="range choices">
      <legend className="visually-hidden">State</legend>
      <button type="button" aria-pressed={state === null} onClick={() => choose(null)}>
        All {count(findings.length)}
      </button>
      {STATES.map(([id, word]) => {
        const n = findings.filter(finding => finding.state === id).length
        return n === 0 && state !== id ? null : (
          <button key={id} type="button" aria-pressed={state === id} onClick={() => choose(id)}>
            {word} {count(n)}
          </button>
        )
      })}
    </fieldset>
  )
}

function NothingFound({ linkTo }: { linkTo(path: string): string }): ReactElement {
  return (
    <div className="empty">
      <p>
        <strong>Nothing was found so far.</strong>
      </p>
      <p className="count">
        Findings come from statements under traffic and from the state of the database; fixed ones stay listed here.{' '}
        <Link href={linkTo('/')}>Look for advice</Link> on the overview.
      </p>
    </div>
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
