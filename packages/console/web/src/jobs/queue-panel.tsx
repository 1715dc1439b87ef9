import { type ReactElement, useState } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import type { JobQueueRow, JobsMetricsAnswer } from '../../../src/api/jobs-contract.ts'
import type { SEARCH_FIELDS } from '../api/jobs-client.ts'
import { count } from '../format.ts'
import { useParam, withParams } from '../live/use-param.ts'
import { Panel } from '../parts/panel.tsx'
import { type JobAsk, JobDialog } from './job-dialog.tsx'
import { JobList } from './job-list.tsx'
import { JobSearchForm } from './job-search.tsx'
import { QueueState } from './queue-table.tsx'

const STATES = ['waiting', 'active', 'delayed', 'dead', 'completed'] as const
export type ListedState = (typeof STATES)[number]

/** What every part gets that may change something. */
export interface JobPartProps {
  readonly actions: JobsMetricsAnswer['actions']
  readonly needsConfirmation: boolean
  /** The page stands still. */
  readonly isPaused: boolean
}

/** One queue: its state, its jobs by state and search, and what can be done with them. */
export function QueuePanel({ row, ...shared }: JobPartProps & { readonly row: JobQueueRow }): ReactElement {
  const { queue, isPaused: isQueuePaused, counts } = row
  const [asked, setAsked] = useState<JobAsk | null>(null)
  const [path] = useLocation()
  const search = useSearch()
  const [given] = useParam('state')
  const state = STATES.find(known => known === given) ?? 'waiting'
  const mayChange = shared.actions.includes('change')
  const confirmation = shared.needsConfirmation ? queue : null
  const linkToState = (next: ListedState): string =>
    withParams(`${path}?${search}`, { state: next === 'waiting' ? null : next, cursor: null, job: null, ...(next === 'dead' ? {} : DEAD_ONLY) })
  return (
    <Panel title={`Queue ${queue}`} className="queue-panel" aside={<QueueState row={row} />}>
      {mayChange ? (
        <p className="actions">
          <button type="button" className="button" onClick={() => setAsked(isQueuePaused ? resume(queue) : pause(queue, confirmation))}>
            {isQueuePaused ? 'Resume…' : 'Pause…'}
          </button>
          <button type="button" className="button" onClick={() => setAsked(drain(queue, state === 'delayed', confirmation))}>
            {state === 'delayed' ? 'Delete waiting and delayed…' : 'Delete waiting…'}
          </button>
        </p>
      ) : (
        <p className="count">Your role may look, not change.</p>
      )}
      <nav className="choices" aria-label="Jobs by state">
        {STATES.map(known => (
          <Link key={known} href={linkToState(known)} aria-current={known === state ? 'true' : undefined}>
            {known} {counts === null ? '' : count(counts[known])}
          </Link>
        ))}
      </nav>
      <JobSearchForm state={state} maySearchPayloads={shared.actions.includes('payload')} />
      <JobList queue={queue} state={state} ask={setAsked} {...shared} />
      {asked === null ? null : <JobDialog ask={asked} onClose={() => setAsked(null)} />}
    </Panel>
  )
}

/** Fields that only dead letters have. */
const DEAD_ONLY = { failure: null, reason: null } satisfies Partial<Record<(typeof SEARCH_FIELDS)[number], null>>

function pause(queue: string, confirmation: string | null): JobAsk {
  const description = 'No worker takes a job until it is resumed; running ones go on. New jobs wait.'
  return { queue, title: `Pause ${queue}?`, description, what: 'pause', body: {}, verb: 'Pause', confirmation }
}

function resume(queue: string): JobAsk {
  return { queue, title: `Resume ${queue}?`, description: 'Workers take jobs again.', what: 'resume', body: {}, verb: 'Resume', confirmation: null }
}

function drain(queue: string, delayed: boolean, confirmation: string | null): JobAsk {
  return {
    ...{ queue, title: `Delete what waits in ${queue}?`, what: 'drain', body: { delayed }, verb: 'Delete', confirmation },
    description: 'The jobs are not kept anywhere. Running ones go on.',
    counts: [{ state: 'waiting', search: {}, noun: 'waiting job' }, ...(delayed ? [{ state: 'delayed', search: {}, noun: 'delayed job' }] : [])],
  }
}
