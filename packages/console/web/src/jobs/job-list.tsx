import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import type { JobsListAnswer } from '../../../src/api/jobs-contract.ts'
import { fetchJobList, type JobSearch } from '../api/jobs-client.ts'
import { count, dateTime } from '../format.ts'
import { useParam, withParams } from '../live/use-param.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import type { JobAsk } from './job-dialog.tsx'
import { useJobSearch } from './job-search.tsx'
import type { JobPartProps, ListedState } from './queue-panel.tsx'

type JobRow = JobsListAnswer['jobs'][number]

const REFRESH_MS = 5000

interface JobListProps extends JobPartProps {
  readonly queue: string
  readonly state: ListedState
  ask(change: JobAsk): void
}

/** Jobs of one state that the search holds, page by page; dead letters with their reason, and what can be done with all of them. */
export function JobList({ queue, state, ask, actions, needsConfirmation, isPaused }: JobListProps): ReactElement {
  const search = useJobSearch()
  const [cursor] = useParam('cursor')
  const [path] = useLocation()
  const address = `${path}?${useSearch()}`
  const { data, error } = useQuery({
    queryKey: ['job-list', queue, state, search, cursor],
    queryFn: ({ signal }) => fetchJobList(queue, state, search, cursor, signal),
    placeholderData: previous => previous,
    refetchInterval: isPaused ? false : REFRESH_MS,
  })
  if (data === undefined) return error === null ? <Skeleton lines={4} label="Reading the jobs" /> : <ProblemNote error={error} />
  const bulk = (what: 'retry-failed' | 'discard-failed'): void => ask(letters(what, queue, search, needsConfirmation ? queue : null))
  return (
    <>
      {error === null ? null : <ProblemNote error={error} />}
      {data.jobs.length === 0 ? (
        <p className="empty">No {state} job is like that.</p>
      ) : (
        <DataTable
          label={`Jobs, ${state}`}
          rows={data.jobs}
          keyOf={row => row.id}
          order=""
          param="order"
          className="job-table"
          columns={columnsOf(data, id => withParams(address, { job: id }))}
        />
      )}
      <p className="actions">
        <span className="count">
          {count(data.jobs.length)} shown, {count(data.scanned)} looked at
        </span>
        {cursor === null ? null : <Link href={withParams(address, { cursor: null })}>To the first</Link>}
        {data.next === undefined ? null : <Link href={withParams(address, { cursor: data.next })}>Go on</Link>}
        {state === 'dead' && actions.includes('change') && data.jobs.length > 0 ? (
          <>
            <button type="button" className="button" onClick={() => bulk('retry-failed')}>
              Run all of these again…
            </button>
            <button type="button" className="button" onClick={() => bulk('discard-failed')}>
              Delete all of these…
            </button>
          </>
        ) : null}
      </p>
    </>
  )
}

function columnsOf({ state, jobs }: JobsListAnswer, linkTo: (id: string) => string): readonly Column<JobRow>[] {
  const hasTenants = jobs.some(({ tenant }) => tenant !== undefined)
  const time = (id: string, title: string, value: (row: JobRow) => number | undefined): Column<JobRow> => {
    return { id, title, value: row => value(row) ?? null, cell: row => (value(row) === undefined ? '–' : dateTime(value(row)!)) }
  }
  const text = (id: string, title: string, value: (row: JobRow) => string | undefined): Column<JobRow> => {
    return { id, title, isText: true, value: row => value(row) ?? null, cell: row => value(row) ?? '–' }
  }
  return [
    { id: 'id', title: 'Id', isText: true, value: row => row.id, cell: row => <Link href={linkTo(row.id)}>{row.id}</Link> },
    text('name', 'Name', row => row.name),
    ...(state === 'dead'
      ? [text('reason', 'Reason', row => ('reason' in row ? row.reason : undefined)), text('failure', 'Failure', row => row.failure)]
      : []),
    ...(hasTenants ? [text('tenant', 'Tenant', row => row.tenant)] : []),
    { id: 'attempts', title: 'Attempts', value: row => row.attemptsMade, cell: row => count(row.attemptsMade) },
    time('enqueued', 'Enqueued', row => row.enqueuedAtMs),
    ...(state === 'delayed' ? [time('due', 'Due', row => row.dueAtMs)] : []),
    ...(state === 'active' ? [time('started', 'Started', row => row.startedAtMs)] : []),
    ...(state === 'dead' || state === 'completed' ? [time('finished', 'Ended', row => row.finishedAtMs)] : []),
  ]
}

function letters(what: 'retry-failed' | 'discard-failed', queue: string, search: JobSearch, confirmation: string | null): JobAsk {
  const isRetry = what === 'retry-failed'
  const hasSearch = Object.keys(search).length > 0
  const which = Object.entries(search).map(([field, value]) => `${field} ${value}`)
  return {
    ...{ queue, what, confirmation, body: hasSearch ? { filter: search } : { all: true }, verb: isRetry ? 'Run again' : 'Delete' },
    title: isRetry ? `Run dead letters of ${queue} again?` : `Delete dead letters of ${queue}?`,
    description: `${hasSearch ? `Those with ${which.join(', ')}` : 'All of them'}, also beyond this page. ${isRetry ? 'Each has all its attempts again.' : 'They are not kept anywhere.'}`,
    counts: [{ state: 'dead', search, noun: 'dead letter' }],
  }
}
