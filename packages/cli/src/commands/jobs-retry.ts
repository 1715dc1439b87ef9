import type { DeadLetterTarget, OwnJobStore } from 'holdfast/jobs'
import type { CommandContext } from '../command-line.ts'
import { confirm } from '../confirm.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { filterOf, filterText, type JobFilterFlags, lettersText, openJobs } from '../jobs.ts'

/** Options of `holdfast jobs retry` and `discard`. */
export interface DeadLettersOptions extends JobFilterFlags {
  readonly queue: string
  /** Id of one dead letter. */
  readonly job?: string
  readonly all?: boolean
  readonly namespace: string
}

/** `holdfast jobs retry <queue> [job]`: one dead letter without a question; of a filter or all of them the count is shown and confirmed first.
 *  @throws HF_CLI_USAGE, HF_CLI_CONFIRMATION_REQUIRED, HF_CLI_NO_REDIS, HF_JOBS_REDIS_AWAY, HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND, HF_JOBS_STATE */
export async function jobsRetry(options: DeadLettersOptions, context: CommandContext): Promise<number> {
  const { queue, namespace } = options
  const target = targetOf(options)
  const { terminal, json } = context
  await using store = await openJobs(namespace, context)
  await confirmMany(store, target, context, options, letters => `run ${letters} again`)
  const { matched, retried } = await store.retry(queue, target)
  if (json) terminal.json({ schema: 'holdfast.jobs-retry/1', queue, matched, retried })
  else if (matched === 0) terminal.data(`no dead letters of ${queue}${filterText(options)}`)
  else terminal.data(`✓ ${lettersText(retried)} of ${queue} wait again`)
  if (retried < matched) terminal.say(`${matched - retried} were no dead letters any more when their turn came`)
  return exitCode.ok
}

/** `holdfast jobs discard <queue> [job]`: deletes dead letters, chosen and confirmed as for `retry`.
 *  @throws HF_CLI_USAGE, HF_CLI_CONFIRMATION_REQUIRED, HF_CLI_NO_REDIS, HF_JOBS_REDIS_AWAY, HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND, HF_JOBS_STATE */
export async function jobsDiscard(options: DeadLettersOptions, context: CommandContext): Promise<number> {
  const { queue, namespace } = options
  const target = targetOf(options)
  await using store = await openJobs(namespace, context)
  await confirmMany(store, target, context, options, letters => `delete ${letters}; they are not kept anywhere`)
  const { matched, discarded } = await store.discard(queue, target)
  if (context.json) context.terminal.json({ schema: 'holdfast.jobs-discard/1', queue, matched, discarded })
  else context.terminal.data(matched === 0 ? `no dead letters of ${queue}${filterText(options)}` : `✓ ${lettersText(discarded)} of ${queue} deleted`)
  return exitCode.ok
}

/** More than one are counted, and the count is confirmed. */
async function confirmMany(
  store: OwnJobStore,
  target: DeadLetterTarget,
  context: CommandContext,
  options: DeadLettersOptions,
  what: (letters: string) => string,
): Promise<void> {
  if ('id' in target) return
  const { queue } = options
  const count = await store.count(queue, 'dead', 'filter' in target ? target.filter : {})
  if (count > 0) await confirm(context, what(`${lettersText(count)} of ${queue}${filterText(options)}`), queue)
}

function targetOf(options: DeadLettersOptions): DeadLetterTarget {
  const filter = filterOf(options)
  const hasFilter = Object.keys(filter).length > 0
  const ways = [options.job !== undefined, options.all === true, hasFilter].filter(Boolean).length
  if (ways !== 1) throw cliErrors.create('HF_CLI_USAGE', 'which dead letters? give the id of one, flags such as --name or --reason, or --all')
  if (options.job !== undefined) return { id: options.job }
  return hasFilter ? { filter } : { all: true }
}
