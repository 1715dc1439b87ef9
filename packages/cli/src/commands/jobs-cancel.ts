import type { CommandContext } from '../command-line.ts'
import { exitCode } from '../exit-code.ts'
import { openJobs } from '../jobs.ts'

/** Options of `holdfast jobs cancel`. */
export interface JobsCancelOptions {
  readonly queue: string
  readonly job: string
  readonly namespace: string
}

/** `holdfast jobs cancel <queue> <job>`: removes a job that waits, or ends its attempt in whichever process it runs.
 *  @throws HF_CLI_NO_REDIS, HF_JOBS_REDIS_AWAY, HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND, HF_JOBS_STATE */
export async function jobsCancel({ queue, job, namespace }: JobsCancelOptions, context: CommandContext): Promise<number> {
  await using store = await openJobs(namespace, context)
  const cancelled = await store.cancel(queue, job)
  if (context.json) context.terminal.json({ schema: 'holdfast.jobs-cancel/1', queue, job, cancelled })
  else context.terminal.data(cancelled === 'removed' ? `✓ ${queue}/${job} is removed` : `✓ ${queue}/${job} runs, and is told to end`)
  return exitCode.ok
}
