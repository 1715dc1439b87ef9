import type { Clock, ClockTimer, Logger } from '../../core/index.ts'
import type { Counter, MetricFamily } from '../../telemetry/index.ts'
import type { UserClient, UserPool } from '../user-pool.ts'
import { planOf } from './slow-plan.ts'
import { SLOW_REPEAT_MS, type SlowEntry, type SlowStatement, type SlowStatements } from './slow-statements.ts'

/** Time between two looks for a plan that is wanted: at most one plan a second. */
const LOOK_EVERY_MS = 1000
/** Time between two summaries in the log. */
const SUMMARY_EVERY_MS = 300_000
/** A pool that is busy for so long after a slow call keeps its connections; the plan is given up. */
const WAIT_FOR_IDLE_MS = 60_000
const SUMMARISED_LIMIT = 10
/** A connection that does not answer for so long is broken: it is closed, and the stop does not wait for it. The server's own limits are shorter. */
const ANSWER_LIMIT_MS = 5000

/** What {@link createSlowWatch} works with. */
export interface SlowWatchDeps {
  readonly statements: SlowStatements
  readonly pool: UserPool
  readonly clock: Clock
  readonly logger: Logger
  /** By `result`: captured, none, busy. */
  readonly plans: MetricFamily<Counter>
}

/** Captures the plans of slow statements while the pool has nothing better to do, and sums up in the log every five minutes. Returns the function that ends
 *  it, waiting for a plan under way. */
export function createSlowWatch({ statements, pool, clock, logger, plans }: SlowWatchDeps): () => Promise<void> {
  let capturing: Promise<void> | undefined
  let summarisedMs = clock.monotonicMs()
  let earlier = new Map<string, SlowStatement>()

  const capture = async (entry: SlowEntry): Promise<void> => {
    const call = entry.wanted!
    let client: UserClient
    try {
      client = await pool.connect()
    } catch {
      // The pool has told of it; the next look tries again.
      return
    }
    const limit = timeLimit(clock, ANSWER_LIMIT_MS)
    const plan = (await Promise.race([planOf(client, call, clock.nowMs()), limit.passed])) ?? 'the connection did not answer'
    client.release(limit.hasPassed())
    limit.cancel()
    entry.wanted = undefined
    entry.plannedMs = clock.monotonicMs()
    if (typeof plan === 'string') entry.noPlan = plan
    else entry.plan = plan
    plans.bind(typeof plan === 'string' ? 'none' : 'captured').add()
    if (typeof plan !== 'string') logger.info({ plan: plan.text }, `plan of a slow statement: ${plan.worstStep}`)
  }
  const look = (): void => {
    timer = clock.after(LOOK_EVERY_MS, look)
    const nowMs = clock.monotonicMs()
    if (nowMs - summarisedMs >= SUMMARY_EVERY_MS) {
      summarisedMs = nowMs
      earlier = summarise(statements.snapshot(), earlier, logger)
    }
    const [entry] = statements.wanted()
    if (entry === undefined || capturing !== undefined) return
    if (isIdle(pool)) {
      capturing = capture(entry).finally(() => {
        capturing = undefined
      })
    } else if (nowMs - entry.wantedSinceMs >= WAIT_FOR_IDLE_MS) {
      entry.wanted = undefined
      entry.plannedMs = nowMs - SLOW_REPEAT_MS
      entry.noPlan = 'the pool was busy for a minute'
      plans.bind('busy').add()
    }
  }
  let timer: ClockTimer = clock.after(LOOK_EVERY_MS, look)
  return async () => {
    timer.cancel()
    await capturing
  }
}

/** `passed` resolves to nothing when the time is up. */
function timeLimit(clock: Clock, limitMs: number): { passed: Promise<undefined>; hasPassed(): boolean; cancel(): void } {
  let hasPassed = false
  let timer: ClockTimer | undefined
  const passed = new Promise<undefined>(resolve => {
    timer = clock.after(limitMs, () => {
      hasPassed = true
      resolve(undefined)
    })
  })
  return { passed, hasPassed: () => hasPassed, cancel: () => timer?.cancel() }
}

/** A connection is open and free, nobody waits, and at most half of the pool is in use: the service does not miss it. */
function isIdle({ idleCount, waitingCount, totalCount, options }: UserPool): boolean {
  return idleCount > 0 && waitingCount === 0 && (totalCount - idleCount) * 2 <= (options.max ?? 0)
}

/** One line about the statements that were slow since the last one; none when there were none. */
function summarise(now: readonly SlowStatement[], earlier: ReadonlyMap<string, SlowStatement>, logger: Logger): Map<string, SlowStatement> {
  const slow = now
    .map(({ fingerprint, text, slowCount, totalMs, worstMs, poolWaitMs, plan }) => {
      const before = earlier.get(fingerprint)
      const added = { slowCount: slowCount - (before?.slowCount ?? 0), totalMs: Math.round(totalMs - (before?.totalMs ?? 0)) }
      const waited = { worstMs: Math.round(worstMs), poolWaitMs: Math.round(poolWaitMs - (before?.poolWaitMs ?? 0)) }
      return { fingerprint, text, ...added, ...waited, ...(plan === undefined ? {} : { worstStep: plan.worstStep }) }
    })
    .filter(({ slowCount }) => slowCount > 0)
    .sort((a, b) => b.totalMs - a.totalMs)
  const calls = slow.reduce((sum, { slowCount }) => sum + slowCount, 0)
  if (calls > 0) {
    const message = `${calls} slow calls of ${slow.length} statements in 5 minutes; the most time took: ${slow[0]!.text.slice(0, 200)}`
    logger.warn({ slow: slow.slice(0, SUMMARISED_LIMIT) }, message)
  }
  return new Map(now.map(statement => [statement.fingerprint, statement]))
}
