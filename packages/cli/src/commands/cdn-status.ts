import type { BucketState, CdnAnalytics, CdnReport, CdnStatus } from 'holdfast/cdn'
import { type Duration, parseDurationMs, systemClock } from 'holdfast/core'
import { openCdn } from '../cdn.ts'
import type { CommandContext } from '../command-line.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { formatBytes, formatCount, formatPercent, formatSpan } from '../render/measure.ts'
import { textTable } from '../render/table.ts'

/** Options of `holdfast cdn status`. */
export interface CdnStatusOptions {
  /** Also ask the CDNs what they counted, so far back. */
  readonly since?: string
  readonly namespace: string
}

const SHORTEST_MS = 60_000
const LONGEST_MS = 30 * 86_400_000

/** `holdfast cdn status`. Changes nothing. Exit code 3 when a CDN that was asked did not say; what is known is printed all the same.
 *  @throws HF_CLI_NO_CDN, HF_CLI_USAGE, HF_CLI_NO_DATABASE, HF_HTTP_CDN_QUEUE_AWAY, HF_CONFIG_INVALID, HF_CONFIG_DURATION */
export async function cdnStatus({ since, namespace }: CdnStatusOptions, context: CommandContext): Promise<number> {
  const { terminal, json } = context
  const sinceMs = since === undefined ? undefined : parseSince(since)
  await using cdn = await openCdn(namespace, context)
  if (cdn.providers.length === 0) throw cliErrors.create('HF_CLI_NO_CDN', 'the environment names no CDN')
  const cdns = await cdn.status()
  const toMs = systemClock.nowMs()
  const period = sinceMs === undefined ? undefined : { fromMs: toMs - sinceMs, toMs }
  const report = period && (await cdn.analytics(period))
  if (json) terminal.json({ schema: 'holdfast.cdn-status/1', namespace, store: cdn.store, cdns, analytics: report && { ...period, ...report } })
  else print(cdns, report, sinceMs, context)
  return report !== undefined && report.failed.length > 0 ? exitCode.unreachable : exitCode.ok
}

/** @throws HF_CLI_USAGE, HF_CONFIG_DURATION */
function parseSince(text: string): number {
  const ms = parseDurationMs(text as Duration)
  if (ms < SHORTEST_MS || ms > LONGEST_MS) throw cliErrors.create('HF_CLI_USAGE', `--since: must be from 1m to 30d, is ${text}`)
  return ms
}

function print(cdns: readonly CdnStatus[], report: CdnReport | undefined, sinceMs: number | undefined, { terminal }: CommandContext): void {
  terminal.data(textTable(['cdn', 'waiting', 'oldest', 'given up', 'still takes'], cdns.map(statusCells)).join('\n'))
  if (report === undefined) return
  if (report.counted.length > 0)
    terminal.data(`\n${textTable(['cdn', 'requests', 'bytes', 'hit ratio'], report.counted.map(countedCells)).join('\n')}`)
  terminal.say(`counted by the CDNs over the last ${formatSpan(sinceMs)}; figures may be sampled, and late by minutes`)
  for (const { provider, why } of report.failed) terminal.say(`✗ ${provider}: ${why}`)
}

function statusCells({ provider, waiting, dead, oldestMs, buckets }: CdnStatus): string[] {
  return [provider, formatCount(waiting), waiting === 0 ? '–' : formatSpan(oldestMs), formatCount(dead), buckets.map(bucketText).join(' · ')]
}

/** `25 of 25 requests (tag, all)`. */
function bucketText({ kinds, counts, tokens, burst, pausedForMs }: BucketState): string {
  const left = pausedForMs > 0 ? `nothing for ${formatSpan(pausedForMs)}` : `${Math.max(0, Math.floor(tokens))} of ${formatCount(burst)}`
  return `${left} ${counts} (${kinds.join(', ')})`
}

function countedCells({ provider, requests, bytes, hitRatio }: CdnAnalytics): string[] {
  return [provider, formatCount(requests), formatBytes(bytes), formatPercent(hitRatio)]
}
