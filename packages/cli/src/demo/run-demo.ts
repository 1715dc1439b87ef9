import { fileURLToPath } from 'node:url'
import { loadScenarioFile, type Scenario } from '@holdfast/load'
import { scenarioPath } from '@holdfast-examples/leads'
import { delay, type Finding, systemClock } from 'holdfast/core'
import { cliErrors } from '../errors.ts'
import { formatCount, formatMs, formatPercent } from '../render/measure.ts'
import type { ChildExit } from './child.ts'
import type { Cleanup } from './cleanup.ts'
import { decideAndApply, diagnose, VERIFY_CALLS, verify } from './loop.ts'
import type { Narrator } from './narrator.ts'
import type { DemoResult, DemoStep, Saturation } from './result.ts'
import { chooseRate, measureSaturation } from './saturation.ts'
import type { ServiceMode } from './service.ts'
import { type DemoOptions, OBJECTIVE_P95_MS, raiseStage, type Stage } from './stage.ts'
import { openStatementCounter } from './statement-count.ts'
import { runStep, type StepSettings } from './step.ts'

/** Of all requests, those that send the slow statement; so long must a step be to reach the calls that verification asks for, with a margin. */
const SLOW_SHARE = 0.45
/** An invalid step says nothing about the service, so it is repeated while there is time. The result says how often. */
const ATTEMPT_LIMIT = 3
/** The whole demo stays under a minute and a half. */
const DEMO_LIMIT_MS = 85_000
/** What a step costs besides its load: another process, its warm-up, and a share of advice, apply and report. */
const STEP_OVERHEAD_MS = 5000
const STEP_NAMES: readonly DemoStep['name'][] = ['plain', 'observed', 'indexed', 'cached']

/** Measure, diagnose, recommend, apply, verify, then the cache: the whole loop on a real service. Everything started is in `cleanup`. */
export async function runDemo(options: DemoOptions, narrator: Narrator, cleanup: Cleanup): Promise<{ result: DemoResult; url: string }> {
  const stage = await raiseStage(options, narrator, cleanup)
  const steps: DemoStep[] = []
  const { settings, plainPerSec } = await calibrate(stage, options, narrator, cleanup)

  steps.push(await measure('plain', 'plain', stage, settings, narrator))
  await stage.switchTo('observe')
  const since = await stage.advisor.mark()
  steps.push(await measure('observed', 'observe', stage, settings, narrator))

  const found = await diagnose(stage, since, options, narrator)
  const applied = await decideAndApply(found, stage, options, narrator)
  let verified: Finding | undefined
  if (applied !== undefined) {
    steps.push(await measure('indexed', 'observe', stage, settings, narrator))
    verified = await verify(applied, stage, options, narrator)
  }
  steps.push(await measure('cached', 'cache', stage, settings, narrator))
  const cachedPerSec = await measureSaturation(stage.service(), settings.scenario, options.signal)
  narrator.say(`saturation: plain ${formatCount(plainPerSec)}/s → cached ${formatCount(cachedPerSec)}/s, answered when offered more than it can do`)

  return { url: stage.console.url, result: describeRun(stage, options, narrator, steps, { plainPerSec, cachedPerSec }, verified ?? applied ?? found) }
}

function describeRun(
  { services, dataset }: Stage,
  options: DemoOptions,
  narrator: Narrator,
  steps: readonly DemoStep[],
  saturation: Saturation,
  finding: Finding,
): DemoResult {
  const { id, rule, recommendation, evidence, verification } = finding
  const { postgres, cacheRedis } = services
  return {
    schema: 'holdfast.demo/1',
    services: {
      postgres: { version: postgres.version, origin: postgres.origin },
      redis: cacheRedis === undefined ? null : { version: cacheRedis.version, origin: cacheRedis.origin },
    },
    data: { rows: dataset.rows, tables: dataset.tables },
    steps,
    saturation,
    finding: { id, rule, sql: recommendation.sql.join(';\n'), evidence, planted: options.plant !== undefined },
    verified: verification ?? null,
    incidents: narrator.incidents,
    durationMs: Math.round(narrator.elapsedMs),
    report: null,
  }
}

async function calibrate(
  stage: Stage,
  options: DemoOptions,
  narrator: Narrator,
  cleanup: Cleanup,
): Promise<{ settings: StepSettings; plainPerSec: number }> {
  const scenario: Scenario = { ...(await loadScenarioFile(fileURLToPath(scenarioPath))), slo: { p95Ms: OBJECTIVE_P95_MS } }
  const plainPerSec = await measureSaturation(stage.service(), scenario, options.signal)
  const arrivalPerSec = chooseRate(plainPerSec)
  const seconds = Math.min(14, Math.max(6, Math.ceil((VERIFY_CALLS * 1.4) / (arrivalPerSec * SLOW_SHARE))))
  narrator.say(`calibrated: plain answers ${formatCount(plainPerSec)}/s at most; every step gets ${arrivalPerSec}/s, ${seconds} s, open loop`)
  const counter = await openStatementCounter(stage.dataset.url)
  cleanup.add(() => counter.close())
  return {
    plainPerSec,
    settings: {
      scenario,
      arrivalPerSec,
      seconds,
      counter,
      ownServer: stage.services.postgres.pid !== undefined,
      console: stage.console,
      signal: options.signal,
    },
  }
}

async function measure(name: DemoStep['name'], mode: ServiceMode, stage: Stage, settings: StepSettings, narrator: Narrator): Promise<DemoStep> {
  if (stage.service().mode !== mode) await stage.switchTo(mode)
  const { signal, ended } = untilDeath(stage, settings.signal)
  for (let attempt = 1; ; attempt++) {
    const step = await runStep(name, stage.service(), { ...settings, signal }, attempt).catch(ended)
    narrator.say(stepLine(step))
    for (const reason of step.invalidReasons) narrator.add(`  ${reason}`)
    if (step.valid || attempt === ATTEMPT_LIMIT || !hasTimeToRepeat(name, settings, narrator)) return step
    narrator.add('  the machine was busy with something else; once more')
  }
}

/** The connection to a process breaks a moment before its end is told. */
const TOLD_WITHIN_MS = 200

/** A signal that also ends the step when the service or PostgreSQL does: without them every request is an error, which is no measurement.
 *  `ended` turns the failures that follow from such a death into the death itself. */
function untilDeath(stage: Stage, interrupt: AbortSignal): { signal: AbortSignal; ended(error: unknown): Promise<never> } {
  const death = new AbortController()
  const watch = (name: string, exited: Promise<ChildExit>): void => {
    void exited.then(({ code, signal }) =>
      death.abort(cliErrors.create('HF_CLI_SERVICE_DIED', `${name} ended in the middle of the demo (${signal ?? `exit ${code}`})`)),
    )
  }
  watch('the leads service', stage.service().exited)
  watch('PostgreSQL', stage.services.postgres.exited)
  return {
    signal: AbortSignal.any([interrupt, death.signal]),
    async ended(error) {
      await delay(systemClock, TOLD_WITHIN_MS, death.signal).catch(() => undefined)
      throw death.signal.aborted ? death.signal.reason : error
    },
  }
}

function hasTimeToRepeat(name: DemoStep['name'], { seconds }: StepSettings, { elapsedMs }: Narrator): boolean {
  const stepsLeft = STEP_NAMES.length - 1 - STEP_NAMES.indexOf(name)
  return elapsedMs + seconds * 1000 + stepsLeft * (seconds * 1000 + STEP_OVERHEAD_MS) < DEMO_LIMIT_MS
}

const STEP_MEANING: Readonly<Record<DemoStep['name'], string>> = {
  plain: 'Holdfast not loaded',
  observed: 'Holdfast measures',
  indexed: 'advice applied',
  cached: 'cache on',
}

function stepLine(step: DemoStep): string {
  const title = `${step.name.padEnd(8)} (${STEP_MEANING[step.name]}) ${step.arrivalPerSec}/s`
  if (!step.valid) return `✗ ${title}: invalid, no figures`
  const met = (step.p95Ms ?? Number.POSITIVE_INFINITY) <= OBJECTIVE_P95_MS ? '✓' : '✗'
  const hits = step.hitRatio === null ? '' : ` · hits ${formatPercent(step.hitRatio)}`
  return `${title}: p50 ${formatMs(step.p50Ms)} · p95 ${formatMs(step.p95Ms)} (objective ${OBJECTIVE_P95_MS} ms ${met}) · p99 ${formatMs(step.p99Ms)} · ${step.statementsPerRequest?.toFixed(2)} statements/request${hits} · errors ${step.errors}`
}
