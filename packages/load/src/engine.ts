import { type Clock, parseDurationMs, systemClock } from 'holdfast/core'
import { createArrivals, intendedCount, peakRate, totalSeconds } from './arrivals.ts'
import { Connections } from './connections.ts'
import { loadErrors } from './errors.ts'
import { compileFlow } from './flow.ts'
import { createGeneratorGauge } from './generator-gauge.ts'
import { createNullServer, listenLocally } from './null-server.ts'
import { type LoopListener, type LoopParts, runOpenLoop } from './open-loop.ts'
import { createRandom } from './random.ts'
import { Recorder } from './recorder.ts'
import { LOAD_RESULT_SCHEMA, type LoadProgress, type LoadResult } from './result.ts'
import { SCENARIO_DEFAULTS, type Scenario } from './scenario.ts'
import type { Target } from './target.ts'
import { driftLimitMs, invalidReasons, judgeSlo } from './verdicts.ts'

/** A checked scenario and where it goes. Plain data, so it can be sent to a thread. */
export interface LoadPlan {
  readonly scenario: Scenario
  readonly target: Target
}

/** Options of {@link runEngine}. */
export interface EngineOptions {
  readonly clock?: Clock
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: LoadProgress) => void
}

/** Numbers the random streams of a seed. */
const STREAMS = { arrivals: 1, flow: 2, warmUpArrivals: 3, warmUpFlow: 4 } as const

/** Connections are opened ahead for as many requests as arrive in this time at the peak rate. A target that takes longer opens more in the run. */
const WARM_SECONDS = 0.05
const WARM_LEAST = 4
const WARM_MOST = 200

/** About a thousand requests, after which the hot path is compiled. */
const REHEARSAL = { segment: { rate: 3000, seconds: 0.3 }, connectionLimit: 64, timeoutMs: 1000 } as const

const IGNORE: LoopListener = { sent() {}, ended() {}, dropped() {}, looked() {} }

/** Runs a plan on the calling thread and measures it. The thread should have nothing else to do. Every connection is closed when the promise settles.
 *  @throws HF_LOAD_TARGET_UNREACHABLE when not one connection can be opened; nothing was sent then.
 *  @throws the signal's reason when it is aborted. */
export async function runEngine(plan: LoadPlan, options: EngineOptions = {}): Promise<LoadResult> {
  const { scenario, target } = plan
  const { clock = systemClock, signal, onProgress = () => {} } = options
  const { maxInFlight = SCENARIO_DEFAULTS.maxInFlight, timeout = SCENARIO_DEFAULTS.timeout, warmUp, arrival } = scenario
  const timeoutMs = parseDurationMs(timeout)
  await rehearse(plan, clock, signal)
  const connections = new Connections(target.origin, maxInFlight, timeoutMs, clock)
  const shared = { connections, timeoutMs, waitingLimit: maxInFlight, clock, signal }
  try {
    await warmConnections(connections, target, peakRate(arrival))
    if (warmUp !== undefined)
      await runOpenLoop({ ...shared, ...source(plan, [warmUp], STREAMS.warmUpArrivals, STREAMS.warmUpFlow), listener: IGNORE })
    const parts = source(plan, arrival, STREAMS.arrivals, STREAMS.flow)
    const startedAtMs = clock.nowMs()
    const startMs = clock.monotonicMs()
    const recorder = new Recorder(parts.flow.names, startMs, totalSeconds(arrival), onProgress)
    const gauge = createGeneratorGauge()
    await runOpenLoop({ ...shared, ...parts, listener: recorder })
    const nowMs = clock.monotonicMs()
    return assemble(scenario, recorder.finish(nowMs), startedAtMs, nowMs - startMs, gauge.stop(nowMs - startMs))
  } finally {
    await connections.destroy()
  }
}

/** Runs the generator's own code hot against a server on this thread. Cold, its first requests would leave late by as long as they take to compile,
 *  and the target cannot be asked to bear the rehearsal. */
async function rehearse(plan: LoadPlan, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  const server = createNullServer()
  const connections = new Connections(await listenLocally(server), REHEARSAL.connectionLimit, REHEARSAL.timeoutMs, clock)
  try {
    const parts = source(plan, [REHEARSAL.segment], STREAMS.warmUpArrivals, STREAMS.warmUpFlow)
    const recorder = new Recorder(parts.flow.names, clock.monotonicMs(), REHEARSAL.segment.seconds, () => {})
    const { connectionLimit: waitingLimit, timeoutMs } = REHEARSAL
    await runOpenLoop({ ...parts, connections, timeoutMs, waitingLimit, clock, signal, listener: recorder })
  } finally {
    await connections.destroy()
    server.close()
  }
}

async function warmConnections(connections: Connections, target: Target, peakPerSec: number): Promise<void> {
  try {
    await connections.warm(Math.min(WARM_MOST, Math.max(WARM_LEAST, Math.ceil(peakPerSec * WARM_SECONDS))))
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code ?? String(cause)
    throw loadErrors.create('HF_LOAD_TARGET_UNREACHABLE', `cannot connect to ${target.origin} (${reason}); nothing was sent`, {
      cause,
      context: { origin: target.origin, reason },
    })
  }
}

function source(plan: LoadPlan, segments: Scenario['arrival'], arrivalStream: number, flowStream: number): Pick<LoopParts, 'arrivals' | 'flow'> {
  const { seed = SCENARIO_DEFAULTS.seed, spacing = SCENARIO_DEFAULTS.spacing } = plan.scenario
  return {
    arrivals: createArrivals(segments, spacing, createRandom(seed, arrivalStream)),
    flow: compileFlow(plan.scenario, plan.target.pathPrefix, createRandom(seed, flowStream)),
  }
}

function assemble(
  scenario: Scenario,
  { driftP99Ms, inFlightMax, waitedCount, ...recorded }: ReturnType<Recorder['finish']>,
  startedAtMs: number,
  elapsedMs: number,
  gauge: { eventLoopP99Ms: number; cpuRatio: number },
): LoadResult {
  const curveSeconds = totalSeconds(scenario.arrival)
  const durationMs = Math.max(elapsedMs, 1000 * curveSeconds)
  const limitMs = driftLimitMs(scenario.slo)
  const reasons = invalidReasons({ ...recorded, driftP99Ms, waitedCount }, limitMs, scenario.maxInFlight ?? SCENARIO_DEFAULTS.maxInFlight)
  return {
    schema: LOAD_RESULT_SCHEMA,
    scenario: scenario.name ?? 'load',
    startedAtMs,
    durationMs: Math.round(durationMs),
    arrivalPerSec: intendedCount(scenario.arrival) / curveSeconds,
    achievedPerSec: Math.round((1e6 * recorded.requestCount) / durationMs) / 1000,
    ...recorded,
    generator: { driftP99Ms, driftLimitMs: limitMs, ...gauge, inFlightMax, waitedCount },
    valid: reasons.length === 0,
    invalidReasons: reasons,
    slo: judgeSlo(scenario.slo, reasons.length === 0, recorded),
  }
}
