import type { CommandContext } from '../command-line.ts'
import { confirm } from '../confirm.ts'
import { exitCode } from '../exit-code.ts'
import { openJobs } from '../jobs.ts'
import { formatCount } from '../render/measure.ts'

/** Options of `holdfast jobs drain`. */
export interface JobsDrainOptions {
  readonly queue: string
  readonly delayed?: boolean
  readonly namespace: string
}

/** `holdfast jobs drain <queue>`: deletes what waits, after showing how many that are.
 *  @throws HF_CLI_CONFIRMATION_REQUIRED, HF_CLI_NO_REDIS, HF_JOBS_REDIS_AWAY, HF_JOBS_UNKNOWN_QUEUE */
export async function jobsDrain({ queue, delayed = false, namespace }: JobsDrainOptions, context: CommandContext): Promise<number> {
  await using store = await openJobs(namespace, context)
  const { counts } = await store.queue(queue)
  const found = counts.waiting + (delayed ? counts.delayed : 0)
  const what = `${formatCount(counts.waiting)} waiting${delayed ? ` and ${formatCount(counts.delayed)} delayed` : ''} jobs of ${queue}`
  if (found > 0) await confirm(context, `delete ${what}; they are not kept anywhere`, queue)
  const { removed } = found === 0 ? { removed: 0 } : await store.drain(queue, { delayed })
  if (context.json) context.terminal.json({ schema: 'holdfast.jobs-drain/1', queue, removed })
  else context.terminal.data(found === 0 ? `nothing to delete: ${what}` : `✓ ${formatCount(removed)} jobs of ${queue} deleted`)
  return exitCode.ok
}
