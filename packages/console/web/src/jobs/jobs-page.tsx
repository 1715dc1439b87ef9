import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { fetchJobs } from '../api/jobs-client.ts'
import { span } from '../format.ts'
import type { Live } from '../live/use-live.ts'
import { useParam } from '../live/use-param.ts'
import { Panel } from '../parts/panel.tsx'
import { Reading } from '../parts/reading.tsx'
import { ServerNote } from '../postgres/server-note.tsx'
import type { Theme } from '../theme.ts'
import { JobDetail } from './job-detail.tsx'
import { JobFindings } from './job-findings.tsx'
import { JobNames } from './job-names.tsx'
import { JobTiles } from './job-tiles.tsx'
import { QueuePanel } from './queue-panel.tsx'
import { QueueTable } from './queue-table.tsx'
import { Schedules } from './schedules.tsx'

interface JobsPageProps {
  readonly live: Live
  readonly theme: Theme
  readonly windowSec: number
  linkTo(path: string): string
}

const REFRESH_MS = 2000

/** The queues, what their jobs do, and ways to look for jobs and to change them. The address holds queue, state, search and job. */
export function JobsPage({ live, theme, windowSec, linkTo }: JobsPageProps): ReactElement {
  const [queue] = useParam('queue')
  const [job] = useParam('job')
  const reading = useQuery({
    queryKey: ['jobs', windowSec, queue],
    queryFn: ({ signal }) => fetchJobs(windowSec, queue, signal),
    placeholderData: previous => previous,
    refetchInterval: live.paused ? false : REFRESH_MS,
  })
  return (
    <>
      <h1 className="visually-hidden">Jobs{queue === null ? '' : `: ${queue}`}</h1>
      <Reading reading={reading} label="Reading the queues">
        {answer => {
          const { actions, needsConfirmation } = answer
          const chosen = answer.queues.find(row => row.queue === queue)
          const shared = { actions, needsConfirmation, isPaused: live.paused }
          return (
            <>
              <ServerNote problem={answer.storeProblem} what="The queues themselves are not read" />
              <Panel title="Queues" aside={`times of the last ${span(answer.windowSec)}`}>
                <QueueTable rows={answer.queues} />
              </Panel>
              <JobFindings findings={answer.findings} linkTo={linkTo} />
              <JobTiles answer={answer} theme={theme} windowSec={windowSec} events={live.overview?.events ?? []} />
              {answer.names.length === 0 ? null : (
                <Panel title="By name of the job" aside={`${queue ?? 'all queues'}, last ${span(answer.windowSec)}`}>
                  <JobNames rows={answer.names} />
                </Panel>
              )}
              {actions.length === 0 ? null : (
                <>
                  {queue === null || job === null ? null : <JobDetail key={job} queue={queue} id={job} {...shared} />}
                  {chosen === undefined ? null : <QueuePanel key={chosen.queue} row={chosen} {...shared} />}
                  <Schedules key={`schedules of ${chosen?.queue}`} queue={chosen?.queue ?? null} {...shared} />
                </>
              )}
            </>
          )
        }}
      </Reading>
    </>
  )
}
