import type { CdnDesk, DeadSelection } from 'holdfast/cdn'
import { openCdn, purgesText } from '../cdn.ts'
import type { CommandContext } from '../command-line.ts'
import { confirm } from '../confirm.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'

/** Options of `holdfast cdn retry` and `holdfast cdn discard`. */
export interface CdnDeadChangeOptions {
  readonly action: 'retry' | 'discard'
  /** Id of one. */
  readonly purge?: string
  /** All of one CDN. */
  readonly cdn?: string
  readonly all?: boolean
  readonly namespace: string
}

/** Counted as far as they are listed. */
const COUNT_LIMIT = 1000

/** `holdfast cdn retry|discard [purge]`: one by its id without a question; of many the count is shown and confirmed first. What is retried is sent by the services that have the CDN, at once.
 *  @throws HF_CLI_USAGE, HF_CLI_CONFIRMATION_REQUIRED, HF_CLI_NO_DATABASE, HF_HTTP_CDN_QUEUE_AWAY, HF_CONFIG_INVALID */
export async function cdnDeadChange(options: CdnDeadChangeOptions, context: CommandContext): Promise<number> {
  const { terminal, json } = context
  const { action, namespace } = options
  const which = selectionOf(options)
  await using cdn = await openCdn(namespace, context)
  if (which.ids === undefined) await askFirst(cdn, which, action, context)
  const count = action === 'retry' ? await cdn.replay(which) : await cdn.discard(which)
  if (json) terminal.json({ schema: 'holdfast.cdn-dead-change/1', namespace, action, ...which, count })
  else if (count === 0) terminal.data('no purge was given up that this names')
  else terminal.data(action === 'retry' ? `✓ ${purgesText(count)} wait to be sent again` : `✓ ${purgesText(count)} forgotten`)
  return exitCode.ok
}

async function askFirst(cdn: CdnDesk, which: DeadSelection, action: CdnDeadChangeOptions['action'], context: CommandContext): Promise<void> {
  const found = await cdn.dead({ limit: COUNT_LIMIT, ...which })
  if (found.length === 0) return
  const many = found.length === COUNT_LIMIT ? `${COUNT_LIMIT} purges or more` : purgesText(found.length)
  const whose = which.provider === undefined ? '' : ` for ${which.provider}`
  await confirm(context, action === 'retry' ? `send ${many}${whose} again` : `forget ${many}${whose}`, which.provider ?? 'yes')
}

/** Exactly one way: a command that names nothing reaches nothing. @throws HF_CLI_USAGE */
function selectionOf({ purge, cdn, all = false }: CdnDeadChangeOptions): DeadSelection {
  const ways = [purge !== undefined, cdn !== undefined, all].filter(Boolean).length
  if (ways !== 1) throw cliErrors.create('HF_CLI_USAGE', 'which purges? give the id of one, --cdn <name>, or --all')
  if (purge !== undefined) return { ids: [purge] }
  return cdn === undefined ? {} : { provider: cdn }
}
