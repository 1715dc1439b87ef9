import type { AttemptRecord, JobDetail } from 'holdfast/jobs'
import type { CommandContext } from '../command-line.ts'
import { exitCode } from '../exit-code.ts'
import { openJobs } from '../jobs.ts'
import { formatSpan } from '../render/measure.ts'

/** Options of `holdfast jobs show`. */
export interface JobsShowOptions {
  readonly queue: string
  /** Its id. */
  readonly job: string
  readonly namespace: string
}

/** `holdfast jobs show <queue> <job>`. @throws HF_CLI_NO_REDIS, HF_JOBS_REDIS_AWAY, HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND */
export async function jobsShow({ queue, job, namespace }: JobsShowOptions, context: CommandContext): Promise<number> {
  await using store = await openJobs(namespace, context)
  const found = await store.show(queue, job)
  if (context.json) context.terminal.json({ schema: 'holdfast.job/1', job: found })
  else context.terminal.data(page(found).join('\n'))
  return exitCode.ok
}

function page(job: JobDetail): string[] {
  const { queue, id, name, state, tenant, priority, attemptsMade, schedule, failure, payload, result, history } = job
  const times = [
    ['enqueued', job.enqueuedAtMs],
    ['due', job.dueAtMs],
    ['started', job.startedAtMs],
    ['ended', job.finishedAtMs],
  ] as const
  return [
    `${queue}/${id}  ${name}  ${state}`,
    ...times.flatMap(([what, atMs]) => (atMs === undefined ? [] : [line(what, new Date(atMs).toISOString())])),
    line('attempts', String(attemptsMade)),
    ...(priority === 0 ? [] : [line('priority', String(priority))]),
    ...(tenant === undefined ? [] : [line('tenant', tenant)]),
    ...(schedule === undefined ? [] : [line('schedule', schedule)]),
    ...(failure === undefined ? [] : [line('failure', JSON.stringify(failure))]),
    line('payload', JSON.stringify(payload)),
    ...(result === undefined ? [] : [line('result', JSON.stringify(result))]),
    ...(history.length === 0 ? [] : ['  attempts that did not complete']),
    ...history.map(attemptLine),
  ]
}

function line(what: string, text: string): string {
  return `  ${what.padEnd(9)} ${text}`
}

function attemptLine({ attempt, atMs, ranMs, reason, code, message, worker }: AttemptRecord): string {
  const ran = ranMs === undefined ? '' : ` after ${formatSpan(ranMs)}`
  return `    ${attempt}. ${new Date(atMs).toISOString()} ${reason}${ran} on ${worker}: ${code === undefined ? '' : `${code} `}${JSON.stringify(message)}`
}
