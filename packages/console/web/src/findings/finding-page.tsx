import { useQuery } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { Link } from 'wouter'
import type { FindingDetail } from '../../../src/api/contract.ts'
import { fetchFinding } from '../api/client.ts'
import { count, dateTime, ms, percent } from '../format.ts'
import { Icon } from '../parts/icon.tsx'
import { Panel, Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { StateMark } from '../parts/state-mark.tsx'
import { ActionDialog, type FindingActionName } from './action-dialog.tsx'
import { DoSection } from './do-section.tsx'
import { EvidenceSection, PlansSection } from './evidence-section.tsx'
import { ProofSection } from './proof-section.tsx'
import { SnoozeDialog } from './snooze-dialog.tsx'
import { timeKind } from './time-kind.ts'

interface FindingPageProps {
  readonly id: string
  linkTo(path: string): string
}

/** While a change is measured its page asks by itself, besides hearing of changes from the live stream. */
const APPLIED_REFRESH_MS = 2000

/** One finding: what, why we say so, what to do, and whether it helped. */
export function FindingPage({ id, linkTo }: FindingPageProps): ReactElement {
  const { data, error } = useQuery({
    queryKey: ['findings', 'one', id],
    queryFn: ({ signal }) => fetchFinding(id, signal),
    refetchInterval: query => (query.state.data?.finding.state === 'applied' ? APPLIED_REFRESH_MS : false),
  })
  return (
    <>
      <p className="crumb">
        <Link href={linkTo('/')}>
          <Icon name="back" /> Overview
        </Link>
      </p>
      {error === null || data !== undefined ? null : (
        <>
          <h1 className="visually-hidden">Finding {id}</h1>
          <ProblemNote error={error} />
        </>
      )}
      {data === undefined && error === null ? (
        <section className="panel">
          <h1 className="visually-hidden">Finding {id}</h1>
          <Skeleton lines={8} label={`Reading finding ${id}`} />
        </section>
      ) : null}
      {data === undefined ? null : <Detail detail={data} linkTo={linkTo} />}
    </>
  )
}

function Detail({ detail, linkTo }: { readonly detail: FindingDetail; linkTo(path: string): string }): ReactElement {
  const { finding } = detail
  const [asked, setAsked] = useState<FindingActionName | 'snooze' | null>(null)
  return (
    <article className="finding">
      <header className="panel finding-head">
        <p className="finding-line">
          <span className="finding-id">{finding.id}</span>
          <code>{finding.rule}</code>
          <StateMark state={finding.state} verdict={finding.verification?.verdict ?? null} />
          {finding.state === 'snoozed' && finding.snoozedUntilMs !== undefined ? (
            <span className="count">until {dateTime(finding.snoozedUntilMs)}</span>
          ) : null}
        </p>
        <h1>{finding.title}</h1>
        <p className="finding-facts">
          {finding.severity === undefined ? null : <span>{finding.severity}</span>}
          {finding.evidence.of === 'object' ? null : (
            <>
              <span>saves {ms(finding.savesMsPerSec)} each second, predicted</span>
              <span>
                {percent(finding.evidence.shareOfTime)} of {timeKind(finding.rule)}
              </span>
              <span className="count">n {count(finding.evidence.before.sampleCount)}</span>
            </>
          )}
        </p>
      </header>
      <div className="finding-columns">
        <EvidenceSection evidence={finding.evidence} rule={finding.rule} linkTo={linkTo} />
        <DoSection detail={detail} ask={setAsked} />
        <ProofSection detail={detail} ask={setAsked} />
        <HistorySection history={finding.history} />
      </div>
      <PlansSection evidence={finding.evidence} />
      {asked === 'snooze' ? <SnoozeDialog finding={finding} onClose={() => setAsked(null)} /> : null}
      {asked === null || asked === 'snooze' ? null : <ActionDialog detail={detail} action={asked} onClose={() => setAsked(null)} />}
    </article>
  )
}

function HistorySection({ history }: { readonly history: FindingDetail['finding']['history'] }): ReactElement {
  return (
    <Panel title="History">
      <ol className="plain event-list history">
        {history.toReversed().map(event => (
          <li key={`${event.atMs} ${event.state}`}>
            <time dateTime={new Date(event.atMs).toISOString()}>{dateTime(event.atMs)}</time>
            <StateMark state={event.state} verdict={null} />
            <span className="history-note">{event.note}</span>
          </li>
        ))}
      </ol>
    </Panel>
  )
}
