import type { CommandContext } from '../command-line.ts'
import { exitCode } from '../exit-code.ts'
import { openJobs } from '../jobs.ts'

/** Options of `holdfast jobs pause` and `resume`. */
export interface JobsPauseOptions {
  readonly action: 'pause' | 'resume'
  readonly queue: string
  readonly namespace: string
}

/** `holdfast jobs pause|resume <queue>`; the one undoes the other. @throws HF_CLI_NO_REDIS, HF_JOBS_REDIS_AWAY, HF_JOBS_UNKNOWN_QUEUE */
export async function jobsPause({ action, queue, namespace }: JobsPauseOptions, context: CommandContext): Promise<number> {
  await using store = await openJobs(namespace, context)
  await store[action](queue)
  const { counts, isPaused } = await store.queue(queue)
  if (context.json) context.terminal.json({ schema: 'holdfast.jobs-queue/1', queue, isPaused, counts })
  else context.terminal.data(`✓ ${queue} is ${isPaused ? 'paused' : 'open'}: ${counts.waiting} waiting, ${counts.active} active`)
  return exitCode.ok
}
