import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { fetchJobCount, type JobSearch, postJobs } from '../api/jobs-client.ts'
import { counted } from '../format.ts'
import { Modal } from '../parts/modal.tsx'
import { Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { TypedConfirmation } from '../parts/typed-confirmation.tsx'

/** A change that is asked for. */
export interface JobAsk {
  readonly queue: string
  readonly title: string
  readonly description: string
  /** Last part of the address, and its body. */
  readonly what: string
  readonly body: object
  /** On the button. */
  readonly verb: string
  /** What is counted first, state by state; absent where it is one thing. */
  readonly counts?: readonly { readonly state: string; readonly search: JobSearch; readonly noun: string }[]
  /** Text that has to be typed; null for none. */
  readonly confirmation: string | null
}

interface JobDialogProps {
  readonly ask: JobAsk
  onClose(): void
}

/** Says how many jobs a change reaches, and makes it when it is confirmed. */
export function JobDialog({ ask, onClose }: JobDialogProps): ReactElement {
  const { queue, title, description, what, body, verb, counts = [], confirmation } = ask
  const [typed, setTyped] = useState('')
  const queries = useQueryClient()
  const counting = useQuery({
    queryKey: ['job-count', queue, counts],
    // One after the other: the console counts one at a time.
    queryFn: async ({ signal }) => {
      const found: number[] = []
      for (const { state, search } of counts) found.push((await fetchJobCount(queue, state, search, signal)).count)
      return found
    },
    enabled: counts.length > 0,
    retry: false,
    gcTime: 0,
  })
  const change = useMutation({
    mutationFn: () => postJobs(queue, what, { ...body, ...(confirmation === null ? {} : { confirmation: typed }) }),
    onSuccess: onClose,
    onSettled: () => Promise.all(['jobs', 'job-list', 'job', 'schedules'].map(key => queries.invalidateQueries({ queryKey: [key] }))),
  })
  const isCounted = counts.length === 0 || counting.data !== undefined
  return (
    <Modal title={title} description={description} closable={!change.isPending} onClose={onClose}>
      <form
        onSubmit={event => {
          event.preventDefault()
          change.mutate()
        }}
      >
        {counts.length === 0 ? null : counting.data !== undefined ? (
          <p role="status">
            <strong>{counts.map(({ noun }, at) => counted(counting.data[at] ?? 0, noun)).join(', ')}</strong> of {queue}
          </p>
        ) : counting.error !== null ? (
          <ProblemNote error={counting.error} />
        ) : (
          <Skeleton lines={1} label="Counting the jobs" />
        )}
        {confirmation === null ? null : <TypedConfirmation expected={confirmation} typed={typed} onTyped={setTyped} disabled={change.isPending} />}
        {change.error === null ? null : <ProblemNote error={change.error} />}
        <div className="actions end">
          <button type="button" className="button" data-autofocus onClick={onClose} disabled={change.isPending}>
            Cancel
          </button>
          <button
            type="submit"
            className="button primary"
            disabled={change.isPending || !isCounted || (confirmation !== null && typed !== confirmation)}
          >
            {change.isPending ? 'Running…' : verb}
          </button>
        </div>
      </form>
    </Modal>
  )
}
