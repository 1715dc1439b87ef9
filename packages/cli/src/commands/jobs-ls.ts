import { systemClock } from 'holdfast/core'
import type { DeadLetter, JobPage, JobState, JobSummary, OwnJobStore, QueueSummary } from 'holdfast/jobs'
import type { CommandContext } from '../command-line.ts'
import { exitCode } from '../exit-code.ts'
import { filterOf, filterText, type JobFilterFlags, openJobs } from '../jobs.ts'
import { formatCount, formatSpan } from '../render/measure.ts'
import { textTable } from '../render/table.ts'

/** Options of `holdfast jobs ls`. */
export interface JobsLsOptions extends JobFilterFlags {
  /** Absent: the queues themselves. */
  readonly queue?: string
  readonly state: JobState
  readonly limit: string
  readonly cursor?: string
  readonly namespace: string
}

/** `holdfast jobs ls [queue]`: all queues, or jobs of one. Changes nothing.
 *  @throws HF_CLI_NO_REDIS, HF_JOBS_REDIS_AWAY, HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_OPTION for the limit and the cursor */
export async function jobsLs(options: JobsLsOptions, context: CommandContext): Promise<number> {
  await using store = await openJobs(options.namespace, context)
  return options.queue === undefined ? await listQueues(store, options.namespace, context) : await listJobs(store, options.queue, options, context)
}

async function listQueues(store: OwnJobStore, namespace: string, { terminal, json }: CommandContext): Promise<number> {
  const queues = await store.queues()
  if (json) terminal.json({ schema: 'holdfast.jobs-queues/1', namespace, queues })
  else if (queues.length === 0) terminal.say(`no queues in the namespace ${namespace}: they appear when a process starts its jobs`)
  else
    terminal.data(textTable(['queue', 'state', 'waiting', 'active', 'delayed', 'dead', 'completed', 'oldest'], queues.map(queueCells), 2).join('\n'))
  return exitCode.ok
}

function queueCells({ queue, counts, isPaused, oldestWaitingMs }: QueueSummary): string[] {
  const { waiting, active, delayed, dead, completed } = counts
  const oldest = oldestWaitingMs === 0 ? '–' : formatSpan(oldestWaitingMs)
  return [queue, isPaused ? 'paused' : 'open', ...[waiting, active, delayed, dead, completed].map(formatCount), oldest]
}

async function listJobs(store: OwnJobStore, queue: string, options: JobsLsOptions, { terminal, json }: CommandContext): Promise<number> {
  const { state, limit, cursor } = options
  const filter = filterOf(options)
  const page = { limit: Number(limit), ...(cursor === undefined ? {} : { cursor }) }
  const found: JobPage<JobSummary | DeadLetter> =
    state === 'dead' ? await store.deadLetters(queue, filter, page) : await store.list(queue, state, filter, page)
  if (json) {
    terminal.json({ schema: 'holdfast.jobs-list/1', queue, state, ...found })
    return exitCode.ok
  }
  const nowMs = systemClock.nowMs()
  if (found.jobs.length > 0)
    terminal.data(
      textTable(
        HEADS[state],
        found.jobs.map(job => cells(job, nowMs).map(printable)),
        3,
      ).join('\n'),
    )
  const what = `${formatCount(found.jobs.length)} ${state} of ${queue}${filterText(options)}, of ${formatCount(found.scanned)} looked at`
  terminal.say(found.next === undefined ? what : `${what}; there are more: --cursor ${found.next}`)
  return exitCode.ok
}

const HEADS: Readonly<Record<JobState, readonly string[]>> = {
  waiting: ['id', 'name', 'tenant', 'attempts', 'waits'],
  active: ['id', 'name', 'tenant', 'attempts', 'runs'],
  delayed: ['id', 'name', 'tenant', 'attempts', 'due in'],
  completed: ['id', 'name', 'tenant', 'attempts', 'ended'],
  dead: ['id', 'name', 'reason', 'attempts', 'ended', 'failure'],
}

function cells(job: JobSummary | DeadLetter, nowMs: number): string[] {
  const { id, name, state, tenant = '–', attemptsMade, enqueuedAtMs, startedAtMs, finishedAtMs, dueAtMs, failure } = job
  const since = (atMs: number | undefined): string => (atMs === undefined ? '–' : formatSpan(Math.max(0, nowMs - atMs)))
  const attempts = String(attemptsMade)
  if (state === 'dead') return [id, name, 'reason' in job ? job.reason : '–', attempts, `${since(finishedAtMs)} ago`, shortened(failure ?? '–')]
  if (state === 'active') return [id, name, tenant, attempts, since(startedAtMs)]
  if (state === 'delayed') return [id, name, tenant, attempts, dueAtMs === undefined ? '–' : formatSpan(Math.max(0, dueAtMs - nowMs))]
  return [id, name, tenant, attempts, state === 'completed' ? `${since(finishedAtMs)} ago` : since(enqueuedAtMs)]
}

const FAILURE_SHOWN = 80

function shortened(text: string): string {
  return text.length > FAILURE_SHOWN ? `${text.slice(0, FAILURE_SHOWN - 1)}…` : text
}

/** Whoever adds a job chooses its id and tenant, and a failure may say anything: none of it steers the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}
