import type { Clock, ClockTimer, Logger } from '../../core/index.ts'
import type { ResolvedFairness } from '../job-policy.ts'
import type { PreparedJob } from '../prepare-job.ts'
import type { JobsRedisClient } from '../redis/port.ts'
import { runScript } from '../redis/run-script.ts'
import { ADD_TO_LINES, FIND_LOST_SLOTS, RELEASE_AND_REFILL, STAND_IN_LINE } from './lines.lua.ts'

/** A job on its way into its tenant's line. */
export interface LineEntry {
  readonly job: PreparedJob
  readonly timestampMs: number
}

/** Puts jobs into the lines of their tenants. Returns the ids, in order. 1 round trip.
 *  `rememberMs`: for how long an id that was handed over is known, also when its job is gone; 0: not. */
export async function addToLines(
  client: JobsRedisClient,
  {
    prefix,
    fairness,
    nowMs,
    rememberMs = 0,
  }: { readonly prefix: string; readonly fairness: ResolvedFairness; readonly nowMs: number; readonly rememberMs?: number },
  entries: readonly LineEntry[],
): Promise<string[]> {
  const args = entries.flatMap(({ job, timestampMs }) => {
    const options = { tenant: job.tenant, ...(job.attempts === undefined ? {} : { attempts: job.attempts }) }
    return [job.id ?? '', job.name, job.data, JSON.stringify(options), job.tenant!, timestampMs]
  })
  return (await runScript(client, ADD_TO_LINES, [prefix], [nowMs, ...limitsOf(fairness), rememberMs, ...args])) as string[]
}

function limitsOf({ window, concurrency, rate }: ResolvedFairness): number[] {
  return [window, concurrency, rate?.max ?? 0, rate?.perMs ?? 0]
}

/** Jobs that ended before the lines are told, as a share of the window: so many may be missing from what workers find. */
const FLUSH_SHARE = 4
/** Longest time after which the lines are told. */
const FLUSH_MS = 5
/** Pause between two looks for what a killed worker left. */
const SWEEP_MS = 1000
const SWEEP_COUNT = 500

/** Lets jobs out of the lines as others end. One in each process that works the queue. */
export class LineKeeper {
  readonly #client: JobsRedisClient
  readonly #prefix: string
  readonly #fairness: ResolvedFairness
  readonly #clock: Clock
  readonly #logger: Logger
  #ended: string[] = []
  #flushTimer: ClockTimer | undefined
  #sweepTimer: ClockTimer | undefined
  #dueTimer: ClockTimer | undefined
  #cursor = '0'
  #isStopped = false

  constructor(
    client: JobsRedisClient,
    deps: { readonly prefix: string; readonly fairness: ResolvedFairness; readonly clock: Clock; readonly logger: Logger },
  ) {
    this.#client = client
    this.#prefix = deps.prefix
    this.#fairness = deps.fairness
    this.#clock = deps.clock
    this.#logger = deps.logger
  }

  start(): void {
    this.#scheduleSweep()
  }

  /** A job that came back on its own way stands in its tenant's line again, unless it has done so since. `false`: it is its turn. 1 round trip.
   *  Rejects when Redis does. */
  async standsAgain(id: string, tenant: string, token: string): Promise<boolean> {
    const args = [this.#clock.nowMs(), ...limitsOf(this.#fairness), id, tenant, token]
    return (await runScript(this.#client, STAND_IN_LINE, [this.#prefix], args)) !== 0
  }

  /** A job that had its turn is handed back, and need not stand in line again. */
  async keepTurn(id: string): Promise<void> {
    await this.#client.call('hset', `${this.#prefix}${id}`, 'hfturn', 1)
  }

  /** A job will not run again, or not for now. */
  ended(id: string): void {
    this.#ended.push(id)
    if (this.#ended.length >= Math.max(1, Math.floor(this.#fairness.window / FLUSH_SHARE))) void this.flush()
    else this.#flushTimer ??= this.#clock.after(FLUSH_MS, () => void this.flush(), true)
  }

  /** Tells the lines now. Never rejects: what is lost, the sweep finds. */
  async flush(): Promise<void> {
    this.#flushTimer?.cancel()
    this.#flushTimer = undefined
    const ids = this.#ended
    this.#ended = []
    try {
      const dueMs = (await runScript(
        this.#client,
        RELEASE_AND_REFILL,
        [this.#prefix],
        [this.#clock.nowMs(), ...limitsOf(this.#fairness), ...ids],
      )) as number
      if (dueMs >= 0 && !this.#isStopped) {
        this.#dueTimer?.cancel()
        this.#dueTimer = this.#clock.after(Math.min(dueMs + 1, SWEEP_MS), () => void this.flush())
      }
    } catch (error) {
      this.#logger.debug({ err: error }, 'jobs: the lines of tenants were not told of ended jobs')
    }
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#sweepTimer?.cancel()
    this.#dueTimer?.cancel()
    await this.flush()
  }

  #scheduleSweep(): void {
    if (this.#isStopped) return
    this.#sweepTimer = this.#clock.after(SWEEP_MS, () => void this.#sweep().finally(() => this.#scheduleSweep()))
  }

  async #sweep(): Promise<void> {
    try {
      if (this.#fairness.concurrency > 0) {
        const [cursor, lost] = (await runScript(this.#client, FIND_LOST_SLOTS, [this.#prefix], [this.#cursor, SWEEP_COUNT])) as [string, string[]]
        this.#cursor = cursor
        this.#ended.push(...lost)
      }
      await this.flush()
    } catch (error) {
      this.#logger.debug({ err: error }, 'jobs: the lines of tenants were not swept')
    }
  }
}
