import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import type { JobSchedulesAnswer } from '../../../src/api/jobs-contract.ts'
import { fetchSchedules, postSchedule } from '../api/jobs-client.ts'
import { dateTime } from '../format.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Panel, Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { type JobAsk, JobDialog } from './job-dialog.tsx'
import type { JobPartProps } from './queue-panel.tsx'

type Row = JobSchedulesAnswer['schedules'][number]

const REFRESH_MS = 10_000

/** Jobs by the clock: of one queue, or of all; made and changed where a queue is chosen. */
export function Schedules({ queue, actions, needsConfirmation, isPaused }: JobPartProps & { readonly queue: string | null }): ReactElement {
  const [asked, setAsked] = useState<JobAsk | null>(null)
  const [draft, setDraft] = useState<Draft | null>(null)
  const { data, error } = useQuery({
    queryKey: ['schedules', queue],
    queryFn: ({ signal }) => fetchSchedules(queue, signal),
    refetchInterval: isPaused ? false : REFRESH_MS,
  })
  const mayChange = actions.includes('change')
  const remove = (row: Row): void =>
    setAsked({
      ...{ queue: row.queue, title: `Remove the schedule ${row.key}?`, what: 'unschedule', body: { key: row.key }, verb: 'Remove' },
      description: 'No further job of it is added, and the one that waits for its next time goes with it.',
      confirmation: needsConfirmation ? row.key : null,
    })
  // What is changed stays in its queue, also where all queues are shown.
  const formOf = draft?.queue ?? queue
  const columns: readonly Column<Row>[] = [
    { id: 'key', title: 'Key', isText: true, value: row => row.key, cell: row => row.key },
    { id: 'queue', title: 'Queue', isText: true, value: row => row.queue, cell: row => row.queue },
    { id: 'name', title: 'Job', isText: true, value: row => row.name, cell: row => row.name },
    { id: 'when', title: 'When', isText: true, value: whenText, cell: whenText },
    {
      ...{ id: 'next', title: 'Next', value: row => row.nextAtMs ?? null },
      cell: row => (row.nextAtMs === undefined ? 'never' : dateTime(row.nextAtMs)),
    },
    ...(mayChange
      ? [
          {
            ...{ id: 'change', title: 'Change', isText: true, value: () => null },
            cell: (row: Row) => (
              <span className="actions">
                {'cron' in row.schedule ? (
                  <button type="button" className="button" aria-label={`Change ${row.key}`} onClick={() => setDraft(draftOf(row))}>
                    Change
                  </button>
                ) : null}
                <button type="button" className="button" aria-label={`Remove ${row.key}…`} onClick={() => remove(row)}>
                  Remove…
                </button>
              </span>
            ),
          },
        ]
      : []),
  ]
  return (
    <Panel title="Schedules" aside={queue ?? 'all queues'}>
      {error === null ? null : <ProblemNote error={error} />}
      {data === undefined && error === null ? <Skeleton lines={2} label="Reading the schedules" /> : null}
      {data === undefined ? null : data.schedules.length === 0 ? (
        <p className="empty">No schedules.</p>
      ) : (
        <DataTable
          label="Schedules"
          rows={data.schedules}
          columns={columns}
          keyOf={row => `${row.queue} ${row.key}`}
          order="next"
          param="schedules"
          className="job-table"
        />
      )}
      {formOf === null || !mayChange ? null : <ScheduleForm key={JSON.stringify([queue, draft])} queue={formOf} draft={draft?.fields} />}
      {asked === null ? null : <JobDialog ask={asked} onClose={() => setAsked(null)} />}
    </Panel>
  )
}

const FIELDS = [
  ['key', 'Key', 'nightly'],
  ['name', 'Job', 'digest'],
  ['cron', 'Cron', '0 3 * * *'],
  ['timeZone', 'Time zone', 'Europe/Berlin'],
  ['payload', 'Data as JSON', 'null'],
] as const

type Fields = Readonly<Record<(typeof FIELDS)[number][0], string>>

/** A schedule that is being changed. */
interface Draft {
  readonly queue: string
  readonly fields: Fields
}

function draftOf({ queue, key, name, schedule, payload = null }: Row): Draft {
  const { cron, timeZone } = 'cron' in schedule ? schedule : { cron: '', timeZone: 'UTC' }
  return { queue, fields: { key, name, cron, timeZone, payload: JSON.stringify(payload) } }
}

const NEW: Fields = { key: '', name: '', cron: '', timeZone: 'UTC', payload: 'null' }

function ScheduleForm({ queue, draft = NEW }: { readonly queue: string; readonly draft?: Fields | undefined }): ReactElement {
  const [fields, setFields] = useState(draft)
  const queries = useQueryClient()
  const set = useMutation({
    mutationFn: async () => postSchedule({ queue, ...fields, payload: JSON.parse(fields.payload) as unknown }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['schedules'] }),
  })
  return (
    <form
      className="cache-form job-search"
      aria-label="Set a schedule"
      onSubmit={event => {
        event.preventDefault()
        set.mutate()
      }}
    >
      {FIELDS.map(([field, label, placeholder]) => (
        <label key={field}>
          {label}
          <input
            value={fields[field]}
            placeholder={placeholder}
            onChange={event => setFields({ ...fields, [field]: event.target.value })}
            autoComplete="off"
            spellCheck={false}
          />
        </label>
      ))}
      <span className="actions">
        <button type="submit" className="button" disabled={set.isPending || FIELDS.some(([field]) => fields[field] === '')}>
          Set the schedule
        </button>
        <span className="count">in {queue}</span>
      </span>
      <div role="status">{set.data === undefined ? null : `${fields.key} is set.`}</div>
      {set.error === null ? null : <ProblemNote error={set.error} />}
    </form>
  )
}

function whenText({ schedule }: Row): string {
  return 'every' in schedule ? `every ${schedule.every}` : `${schedule.cron} ${schedule.timeZone}`
}
