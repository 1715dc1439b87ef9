import type { DeadPurge } from 'holdfast/cdn'
import { systemClock } from 'holdfast/core'
import { openCdn, purgesText } from '../cdn.ts'
import type { CommandContext } from '../command-line.ts'
import { exitCode } from '../exit-code.ts'
import { formatSpan } from '../render/measure.ts'
import { textTable } from '../render/table.ts'
import { parseLimit } from './limit.ts'

/** Options of `holdfast cdn dead`. */
export interface CdnDeadOptions {
  readonly cdn?: string
  readonly limit: string
  readonly namespace: string
}

/** `holdfast cdn dead`. Changes nothing. @throws HF_CLI_USAGE, HF_CLI_NO_DATABASE, HF_HTTP_CDN_QUEUE_AWAY, HF_CONFIG_INVALID */
export async function cdnDead({ cdn: provider, limit, namespace }: CdnDeadOptions, context: CommandContext): Promise<number> {
  const { terminal, json } = context
  const count = parseLimit(limit)
  await using cdn = await openCdn(namespace, context)
  const dead = await cdn.dead({ limit: count, ...(provider === undefined ? {} : { provider }) })
  if (json) terminal.json({ schema: 'holdfast.cdn-dead/1', namespace, dead })
  else if (dead.length === 0) terminal.say('no purge was given up')
  else {
    const nowMs = systemClock.nowMs()
    const rows = dead.map(purge => cells(purge, nowMs).map(printable))
    terminal.data(textTable(['id', 'cdn', 'what', 'attempts', 'given up', 'reason'], rows, 3).join('\n'))
    terminal.say(`${purgesText(dead.length)}: \`holdfast cdn retry <id>\` sends one again, \`holdfast cdn discard <id>\` forgets it`)
  }
  return exitCode.ok
}

function cells({ id, provider, kind, subject, attempts, reason, diedAtMs }: DeadPurge, nowMs: number): string[] {
  const what = kind === 'all' ? 'everything' : `${kind} ${subject}`
  return [id, provider, what, String(attempts), `${formatSpan(Math.max(0, nowMs - diedAtMs))} ago`, reason]
}

/** What a CDN answered may hold anything: none of it steers the terminal. */
function printable(text: string): string {
  return text.replaceAll(/\p{Cc}+/gu, ' ')
}
