import type { ReactElement } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import type { JobQueueRow } from '../../../src/api/jobs-contract.ts'
import { SEARCH_FIELDS } from '../api/jobs-client.ts'
import { count, type Shown, showMs, showPerSec, span } from '../format.ts'
import { withParams } from '../live/use-param.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'
import { Mark } from '../parts/mark.tsx'

const COUNTS = ['waiting', 'active', 'delayed', 'dead'] as const

/** The queues now, and their times in the window. */
export function QueueTable({ rows }: { readonly rows: readonly JobQueueRow[] }): ReactElement {
  if (rows.length === 0) return <p className="empty">No queue yet. One appears when a process starts its jobs.</p>
  const columns: readonly Column<JobQueueRow>[] = [
    { id: 'queue', title: 'Queue', isText: true, value: row => row.queue, cell: row => <QueueLink queue={row.queue} /> },
    { id: 'state', title: 'State', isText: true, value: row => stateOf(row)[1], cell: row => <QueueState row={row} /> },
    ...COUNTS.map(
      (state): Column<JobQueueRow> => ({
        ...{ id: state, title: state[0]!.toUpperCase() + state.slice(1), value: row => row.counts?.[state] ?? null },
        cell: row => (row.counts === null ? '–' : count(row.counts[state])),
      }),
    ),
    { id: 'oldest', title: 'Oldest', value: row => row.oldestWaitingMs, cell: row => (row.oldestWaitingMs ? span(row.oldestWaitingMs / 1000) : '–') },
    { id: 'ended', title: 'Ended', value: row => row.endedPerSec.value, cell: row => <Figure measured={row.endedPerSec} show={showJobsPerSec} /> },
    ...(['wait', 'run', 'age'] as const).map((part): Column<JobQueueRow> => {
      const key = `${part}P95Ms` as const
      const title = `${part[0]!.toUpperCase()}${part.slice(1)} p95`
      return { id: part, title, value: row => row[key].value, cell: row => <Figure measured={row[key]} show={showMs} enough={ENOUGH_FOR_P95} /> }
    }),
  ]
  return <DataTable label="Queues" rows={rows} columns={columns} keyOf={row => row.queue} order="queue" param="queues" className="queue-table" />
}

/** A rate of jobs. */
export function showJobsPerSec(value: number): Shown {
  return { text: showPerSec(value).text, unit: '/s' }
}

function QueueLink({ queue }: { readonly queue: string }): ReactElement {
  const [path] = useLocation()
  const search = useSearch()
  const params = new URLSearchParams(search)
  const isChosen = params.get('queue') === queue
  const cleared = Object.fromEntries(['state', ...SEARCH_FIELDS, 'cursor', 'job'].map(name => [name, null]))
  return (
    <Link href={withParams(`${path}?${search}`, { ...cleared, queue: isChosen ? null : queue })} aria-current={isChosen ? 'true' : undefined}>
      {queue}
    </Link>
  )
}

/** Whether it is paused, and where its depth goes. */
export function QueueState({ row }: { readonly row: JobQueueRow }): ReactElement {
  const [tone, text] = stateOf(row)
  return <Mark tone={tone}>{text}</Mark>
}

function stateOf({ isPaused, outlook }: JobQueueRow): readonly ['ok' | 'warn' | 'bad' | 'quiet', string] {
  if (isPaused === null || outlook === null) return ['quiet', 'not known']
  if (isPaused) return ['warn', 'paused']
  const { state, perSec, emptyInMs, isOverLimit } = outlook
  switch (state) {
    case 'falling behind':
      return ['bad', perSec > 0 ? `falling behind, +${showPerSec(perSec).text}/s` : 'falling behind']
    case 'growing':
      return ['warn', `growing, +${showPerSec(perSec).text}/s`]
    case 'emptying':
      return [isOverLimit ? 'warn' : 'ok', `empty in ${span((emptyInMs ?? 0) / 1000)}`]
    case 'empty':
      return ['ok', 'empty']
    case 'steady':
      return ['ok', 'steady']
    default:
      return isOverLimit ? ['warn', 'over its limit'] : ['quiet', 'open']
  }
}
