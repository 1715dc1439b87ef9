import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { fetchJobCount, type JobSearch, postJobs } from '../api/jobs-client.ts'
import { counted } from '../format.ts'
import { CountedDialog } from '../parts/counted-dialog.tsx'

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
    mutationFn: (typed: string) => postJobs(queue, what, { ...body, ...(confirmation === null ? {} : { confirmation: typed }) }),
    onSuccess: onClose,
    onSettled: () => Promise.all(['jobs', 'job-list', 'job', 'schedules'].map(key => queries.invalidateQueries({ queryKey: [key] }))),
  })
  const reached = counting.data && (
    <>
      <strong>{counts.map(({ noun }, at) => counted(counting.data[at] ?? 0, noun)).join(', ')}</strong> of {queue}
    </>
  )
  return (
    <CountedDialog
      {...{ title, description, verb, confirmation, onClose }}
      count={counts.length === 0 ? null : { reached, error: counting.error, label: 'Counting the jobs' }}
      isRunning={change.isPending}
      error={change.error}
      onConfirm={change.mutate}
    />
  )
}
