import { createHash } from 'node:crypto'
import type { Finding, FindingSeverity } from '../../core/index.ts'
import type { ResolvedQueue } from '../job-policy.ts'
import { FAILURE_SAMPLE } from './queue-alerts.ts'
import type { QueueOutlook } from './queue-outlook.ts'
import type { KindTally, QueueTrend } from './queue-sample.ts'

/** A job that stalled more than once: it kills its workers, or blocks them. */
export interface PoisonJob {
  readonly queue: string
  readonly name: string
  readonly id: string
  readonly stalls: number
  readonly atMs: number
}

/** Share of attempts that are repeats, and their number in the window, from which it is a storm. */
const STORM_SHARE = 0.5
const STORM_SAMPLE = 100
/** Stalls of one job that are no accident any more. */
export const POISON_STALLS = 2

/** What is to be said of one queue. Pure: the same look gives the same findings. */
export function queueFindings(queue: Pick<ResolvedQueue, 'name' | 'concurrency'>, trend: QueueTrend, outlook: QueueOutlook): readonly Finding[] {
  return [...fallingBehind(queue, trend, outlook), ...retryStorms(queue.name, trend), ...alwaysFailing(queue.name, trend)]
}

/** A queue over its limits: whether it catches up, and when. */
function fallingBehind(
  queue: Pick<ResolvedQueue, 'name' | 'concurrency'>,
  { newest, windowMs }: QueueTrend,
  outlook: QueueOutlook,
): readonly Finding[] {
  if (!outlook.isOverLimit || outlook.state === 'paused' || outlook.state === 'empty') return []
  const { perSec } = outlook
  return [
    finding({
      rule: 'jobs/falling-behind',
      subject: queue.name,
      severity: outlook.state === 'emptying' ? 'info' : 'warning',
      title: `queue ${queue.name} has ${newest.waiting} jobs waiting, ${forecastOf(outlook)}`,
      atMs: newest.atMs,
      windowMs,
      sampleCount: newest.waiting,
      figures: [
        { name: 'waiting', value: `${newest.waiting} jobs` },
        { name: 'oldest waiting', value: inWords(newest.oldestWaitingMs / 1000) },
        { name: 'change', value: outlook.state === 'unknown' ? 'not known yet' : `${perSec >= 0 ? '+' : ''}${perSec.toFixed(1)} jobs/s` },
        { name: 'running', value: `${newest.active} jobs, ${queue.concurrency} a process` },
      ],
      summary:
        newest.active === 0 ? 'start a process that works this queue' : 'start more processes, or raise `concurrency` when the work is waiting',
      // Where nobody works, more at once are as many.
      ...(newest.active === 0
        ? {}
        : { option: { name: `queues.${queue.name}.concurrency`, from: String(queue.concurrency), to: String(queue.concurrency * 2) } }),
      costNote: 'more jobs at once need more of what they use: connections, memory, rate of other services',
    }),
  ]
}

function forecastOf({ state, perSec, emptyInMs }: QueueOutlook): string {
  if (state === 'unknown') return 'and whether they become fewer is not known yet'
  if (emptyInMs !== null) return `and is empty in about ${inWords(emptyInMs / 1000)} at this rate`
  return perSec > 0 ? `and grows by ${perSec.toFixed(1)} a second` : 'and does not become shorter'
}

function retryStorms(queue: string, { kinds, newest, windowMs }: QueueTrend): readonly Finding[] {
  return kinds
    .filter(({ attempts, retried }) => attempts >= STORM_SAMPLE && retried / attempts >= STORM_SHARE)
    .map(kind =>
      finding({
        rule: 'jobs/retry-storm',
        subject: `${queue}/${kind.name}`,
        severity: 'warning',
        title: `${kind.retried} of ${kind.attempts} attempts of ${queue}/${kind.name} are to be repeated`,
        atMs: newest.atMs,
        windowMs,
        sampleCount: kind.attempts,
        figures: attemptFigures(kind),
        summary: 'pause the queue until what the job needs is back; a longer back-off spreads the repeats',
        option: { name: `queues.${queue}.jobs.${kind.name}.backoff.base`, from: 'as it is', to: 'ten times as long' },
        costNote: 'jobs that fail once wait longer',
      }),
    )
}

/** All attempts of a kind fail: its code or its payloads are wrong, and attempts are spent for nothing. */
function alwaysFailing(queue: string, { kinds, newest, windowMs }: QueueTrend): readonly Finding[] {
  return kinds
    .filter(({ attempts, failed }) => attempts >= FAILURE_SAMPLE && failed === attempts)
    .map(kind =>
      finding({
        rule: 'jobs/always-failing',
        subject: `${queue}/${kind.name}`,
        severity: 'critical',
        title: `all ${kind.attempts} attempts of ${queue}/${kind.name} failed`,
        atMs: newest.atMs,
        windowMs,
        sampleCount: kind.attempts,
        figures: attemptFigures(kind),
        summary: 'read the history of its dead letters; pause the queue, mend the job, then run them again',
        costNote: 'a paused queue lets jobs wait',
      }),
    )
}

/** One for each job that stalled again and again. */
export function poisonFindings(poison: readonly PoisonJob[]): readonly Finding[] {
  return poison.map(({ queue, name, id, stalls, atMs }) =>
    finding({
      rule: 'jobs/poison-job',
      subject: `${queue}/${id}`,
      severity: 'critical',
      title: `job ${queue}/${name} ${id} stalled ${stalls} times: it kills its workers, or blocks them`,
      atMs,
      windowMs: 0,
      sampleCount: stalls,
      figures: [{ name: 'stalls', value: String(stalls) }],
      summary: 'look at its payload and at the exits of the workers at the times in its history; it is a dead letter when its attempts are spent',
      costNote: 'until then it takes a worker down with each attempt',
    }),
  )
}

/** The Redis of the jobs may delete them. */
export function evictionFinding(policy: string, atMs: number): Finding {
  return finding({
    rule: 'jobs/eviction-policy',
    subject: policy,
    severity: 'critical',
    title: `the Redis of the jobs has maxmemory-policy ${policy}, and deletes jobs when its memory is full`,
    atMs,
    windowMs: 0,
    sampleCount: 1,
    figures: [{ name: 'maxmemory-policy', value: policy }],
    summary: 'CONFIG SET maxmemory-policy noeviction, and the same in its configuration file',
    option: { name: 'maxmemory-policy', from: policy, to: 'noeviction' },
    costNote: 'a full Redis refuses writes instead: give the cache a Redis of its own',
  })
}

interface Content {
  readonly rule: string
  readonly subject: string
  readonly severity: FindingSeverity
  readonly title: string
  readonly atMs: number
  readonly windowMs: number
  readonly sampleCount: number
  readonly figures: readonly { readonly name: string; readonly value: string }[]
  readonly summary: string
  readonly option?: { readonly name: string; readonly from: string; readonly to: string }
  readonly costNote: string
}

function finding(content: Content): Finding {
  const { rule, subject, severity, title, atMs, windowMs, sampleCount, figures, summary, option, costNote } = content
  return {
    id: `J-${createHash('sha256').update(`${rule} ${subject}`).digest('hex').slice(0, 6)}`,
    rule,
    state: 'open',
    title,
    savesMsPerSec: 0,
    severity,
    evidence: { tier: 'measured', of: 'object', statement: subject, before: { sampleCount, windowMs, meanMs: 0 }, shareOfTime: 0, figures },
    recommendation: {
      sql: [],
      revertSql: [],
      summary,
      ...(option === undefined ? {} : { option }),
      costNote,
      lockNote: 'none',
      risk: 'low',
      manual: 'it is a change of the service, or of the server of Redis',
    },
    history: [{ atMs, state: 'open', note: `found: ${title}` }],
  }
}

function attemptFigures({ attempts, failed, retried }: KindTally): Content['figures'] {
  return [
    { name: 'attempts', value: String(attempts) },
    { name: 'failed', value: String(failed) },
    { name: 'to be repeated', value: String(retried) },
  ]
}

function inWords(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
