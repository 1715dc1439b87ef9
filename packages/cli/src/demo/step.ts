import { type LoadProgress, runLoad, type Scenario } from '@holdfast/load'
import type { InstanceSnapshot } from 'holdfast'
import type { ConsoleProcess } from './console-process.ts'
import { giveWay } from './give-way.ts'
import type { DemoStep } from './result.ts'
import type { DemoService } from './service.ts'
import type { StatementCounter } from './statement-count.ts'

/** What all steps of a run share. */
export interface StepSettings {
  /** Flow and objective; its arrival is replaced. */
  readonly scenario: Scenario
  readonly arrivalPerSec: number
  readonly seconds: number
  readonly counter: StatementCounter
  /** PostgreSQL is a child of this demo, so its processes may be told to give way. */
  readonly ownServer: boolean
  readonly console: ConsoleProcess
  readonly signal: AbortSignal
}

/** A fresh process is slow until its code is compiled and its pool is filled; that time is nobody's latency. */
const WARM_UP_SECONDS = 1.5

/** Runs the load against the service and measures. The warm-up comes first and is not counted; a repeated attempt is warm. */
export async function runStep(name: DemoStep['name'], service: DemoService, settings: StepSettings, attempt: number): Promise<DemoStep> {
  const { arrivalPerSec, counter, console, signal } = settings
  if (attempt === 1) await runLoad(withArrival(settings, WARM_UP_SECONDS, 0), { baseUrl: service.baseUrl, signal })
  if (settings.ownServer) await Promise.all((await counter.backendPids()).map(giveWay))
  const [statementsBefore, cacheBefore] = [await counter.read(), cacheReads(await service.snapshot())]
  await console.event('load', `${name}: ${arrivalPerSec} requests/s`)
  const run = await runLoad(withArrival(settings, settings.seconds, attempt), {
    baseUrl: service.baseUrl,
    signal,
    onProgress: progress => void console.load(loadState(name, arrivalPerSec, progress)),
  })
  await console.load(null)
  const [statementsAfter, cacheAfter] = [await counter.read(), cacheReads(await service.snapshot())]
  const { valid } = run
  return {
    name,
    arrivalPerSec,
    valid,
    invalidReasons: run.invalidReasons,
    attempt,
    requestCount: run.requestCount,
    p50Ms: valid ? round(run.latency.p50Ms) : null,
    p95Ms: valid ? round(run.latency.p95Ms) : null,
    p99Ms: valid ? round(run.latency.p99Ms) : null,
    errors: run.errors.count,
    statementsPerRequest: run.requestCount === 0 ? null : round((statementsAfter - statementsBefore) / run.requestCount),
    hitRatio: hitRatio(cacheBefore, cacheAfter),
  }
}

/** The same attempt of every step asks for the same things in the same order. A repeat asks for others: what it asked before would be in the cache. */
function withArrival({ scenario, arrivalPerSec }: StepSettings, seconds: number, attempt: number): Scenario {
  return { ...scenario, seed: (scenario.seed ?? 1) * 100 + attempt, arrival: [{ rate: arrivalPerSec, seconds }] }
}

function loadState(step: string, arrivalPerSec: number, { doneCount, lastSecond }: LoadProgress): Parameters<ConsoleProcess['load']>[0] {
  const n = lastSecond.perSec
  return {
    step,
    arrivalPerSec,
    valid: true,
    p50Ms: { value: lastSecond.p50Ms ?? null, n },
    p95Ms: { value: lastSecond.p95Ms ?? null, n },
    errors: doneCount === 0 ? 0 : lastSecond.errors,
  }
}

interface CacheReads {
  readonly hits: number
  readonly misses: number
}

/** Reads of the service's data. A whole answer that was kept saved the one read that its route makes; how answers are looked up and stored is no read of data. */
function cacheReads(snapshot: InstanceSnapshot | undefined): CacheReads {
  const total = (name: string, counts: (labels: readonly string[]) => boolean): number =>
    (snapshot?.metrics.find(family => family.name === name)?.series ?? []).reduce(
      (sum, { labels, value = 0 }) => (counts(labels) ? sum + value : sum),
      0,
    )
  const reads = (results: ReadonlySet<string>): number =>
    total('holdfast_cache_prefix_reads', ([prefix, result = '']) => prefix !== ANSWERS_PREFIX && results.has(result))
  const answers = total('holdfast_http_cache_answers', ([, outcome = '']) => KEPT_ANSWERS.has(outcome))
  return { hits: reads(TIERS) + answers, misses: reads(MISSES) }
}

/** Under which the response cache keeps answers in the data cache. */
const ANSWERS_PREFIX = 'http'
const KEPT_ANSWERS: ReadonlySet<string> = new Set(['hit', 'stale', 'collapsed'])
const TIERS: ReadonlySet<string> = new Set(['l1', 'l2'])
const MISSES: ReadonlySet<string> = new Set(['miss'])

function hitRatio(before: CacheReads, after: CacheReads): number | null {
  const hits = after.hits - before.hits
  const reads = hits + after.misses - before.misses
  return reads > 0 ? round(hits / reads) : null
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
