import { useQuery } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import type { JobAnswer } from '../../../src/api/jobs-contract.ts'
import { fetchJob } from '../api/jobs-client.ts'
import { count, dateTime, ms } from '../format.ts'
import { withParams } from '../live/use-param.ts'
import { Panel, Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { Scroller } from '../parts/scroller.tsx'
import { type JobAsk, JobDialog } from './job-dialog.tsx'
import type { JobPartProps } from './queue-panel.tsx'

interface JobDetailProps extends JobPartProps {
  readonly queue: string
  readonly id: string
}

const REFRESH_MS = 3000

/** One job: where it stands, its data, and every attempt that did not complete. */
export function JobDetail({ queue, id, actions, isPaused }: JobDetailProps): ReactElement {
  const [asked, setAsked] = useState<JobAsk | null>(null)
  const [path] = useLocation()
  const address = `${path}?${useSearch()}`
  const { data, error } = useQuery({
    queryKey: ['job', queue, id],
    queryFn: ({ signal }) => fetchJob(queue, id, signal),
    refetchInterval: isPaused ? false : REFRESH_MS,
  })
  return (
    <Panel title={`Job ${id}`} className="job-detail" aside={<Link href={withParams(address, { job: null })}>Close</Link>}>
      {error === null ? null : <ProblemNote error={error} />}
      {data === undefined && error === null ? <Skeleton lines={4} label={`Reading ${id}`} /> : null}
      {data === undefined ? null : (
        <>
          <Facts job={data.job} />
          {data.job.failure === undefined ? null : <p className="job-failure">Last failure: {data.job.failure}</p>}
          {actions.includes('change') ? <Choices job={data.job} ask={setAsked} /> : null}
          <Data answer={data} />
          <History history={data.job.history} />
        </>
      )}
      {asked === null ? null : <JobDialog ask={asked} onClose={() => setAsked(null)} />}
    </Panel>
  )
}

function Facts({ job }: { readonly job: JobAnswer['job'] }): ReactElement {
  const facts: readonly (readonly [string, string | number | undefined])[] = [
    ['State', job.state],
    ['Name', job.name],
    ['Attempts', job.attemptsMade],
    ['Priority', job.priority === 0 ? undefined : job.priority],
    ['Tenant', job.tenant],
    ['Schedule', job.schedule],
    ['Enqueued', dateTime(job.enqueuedAtMs)],
    ['Due', job.dueAtMs === undefined ? undefined : dateTime(job.dueAtMs)],
    ['Last started', job.startedAtMs === undefined ? undefined : dateTime(job.startedAtMs)],
    ['Ended', job.finishedAtMs === undefined ? undefined : dateTime(job.finishedAtMs)],
  ]
  return (
    <dl className="facts">
      {facts.map(([name, value]) =>
        value === undefined ? null : (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{typeof value === 'number' ? count(value) : value}</dd>
          </div>
        ),
      )}
    </dl>
  )
}

function Choices({ job, ask }: { readonly job: JobAnswer['job']; ask(change: JobAsk): void }): ReactElement | null {
  const { queue, id, state } = job
  if (state === 'completed') return null
  const one = (what: string, verb: string, description: string): void =>
    ask({ queue, title: `${verb} job ${id}?`, description, what, body: { id }, verb, confirmation: null })
  return (
    <p className="actions">
      {state === 'dead' ? (
        <>
          <button type="button" className="button" onClick={() => one('retry-failed', 'Run again', 'With all its attempts.')}>
            Run again…
          </button>
          <button type="button" className="button" onClick={() => one('discard-failed', 'Delete', 'It is not kept anywhere.')}>
            Delete…
          </button>
        </>
      ) : (
        <button
          type="button"
          className="button"
          onClick={() =>
            one('cancel', 'End', state === 'active' ? 'Its signal is aborted, in whichever process it runs.' : 'It is not kept anywhere.')
          }
        >
          End it…
        </button>
      )}
    </p>
  )
}

function Data({ answer: { payloadText, resultText } }: { readonly answer: JobAnswer }): ReactElement {
  if (payloadText === undefined) return <p className="count">Your role does not show data.</p>
  return (
    <>
      <h3>Data</h3>
      <Scroller label="Data" className="cache-value">
        <pre>{payloadText}</pre>
      </Scroller>
      {resultText === undefined ? null : (
        <>
          <h3>Result</h3>
          <Scroller label="Result" className="cache-value">
            <pre>{resultText}</pre>
          </Scroller>
        </>
      )}
    </>
  )
}

function History({ history }: Pick<JobAnswer['job'], 'history'>): ReactElement | null {
  if (history.length === 0) return null
  return (
    <>
      <h3>Attempts that did not complete</h3>
      <Scroller label="Attempts, table" className="job-history">
        <table>
          <thead>
            <tr>
              {['Attempt', 'Ended', 'Ran', 'Reason', 'Failure', 'Worker'].map(title => (
                <th key={title} scope="col">
                  {title}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {history.map(({ attempt, atMs, ranMs, reason, code, message, worker }) => (
              <tr key={`${attempt} ${atMs}`}>
                <th scope="row">{attempt}</th>
                <td>{dateTime(atMs)}</td>
                <td>{ranMs === undefined ? '–' : ms(ranMs)}</td>
                <td>{reason}</td>
                <td>
                  {code === undefined ? null : <code>{code} </code>}
                  {message}
                </td>
                <td>{worker}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scroller>
    </>
  )
}
