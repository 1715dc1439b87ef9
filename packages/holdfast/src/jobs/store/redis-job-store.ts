import { type Clock, parseDurationMs, type Schedule } from '../../core/index.ts'
import type { BullJob, BullQueue, BullScheduler } from '../bull/port.ts'
import type { QueueHandles } from '../bull/queue-handles.ts'
import { cancelFlag, requestCancel } from '../cancellation.ts'
import { jobsErrors } from '../errors.ts'
import { DRAIN_LINES, REMOVE_FROM_LINE } from '../fair/lines.lua.ts'
import { type AttemptRecord, type FailureReason, HISTORY_KEPT, parseHistory } from '../job-history.ts'
import { encodePayload } from '../payload.ts'
import type { CallerConnection } from '../redis/connections.ts'
import { runScript } from '../redis/run-script.ts'
import { readSchedule, toRepeat } from '../schedule-times.ts'
import { matches, scanJobs, summarize } from './job-scan.ts'
import type {
  DeadLetter,
  DeadLetterTarget,
  JobDetail,
  JobFilter,
  JobPage,
  JobSchedule,
  JobState,
  JobStore,
  JobSummary,
  PageOptions,
  QueueSummary,
  ScheduleRequest,
} from './job-store.ts'
import { OLDEST_WAITING } from './oldest-waiting.lua.ts'

/** What the store needs. */
export interface StoreDeps {
  readonly connection: CallerConnection
  readonly handles: QueueHandles
  readonly clock: Clock
}

const PAGE_DEFAULT = 50
const PAGE_LIMIT = 500
/** Jobs looked at for one page. */
const SCAN_LIMIT = 10_000
/** Dead letters handled at once. */
const TOGETHER = 50
const DRAINED_AT_ONCE = 5000
/** Longest time of one function: it may be many commands. */
const LIMIT_MS = 10_000
/** Tenants among whom the job is sought that has waited longest. */
const LINES_LOOKED_AT = 1000
const SCHEDULE_PAYLOAD_BYTES = 65_536

/** The store over BullMQ's keys. */
export class RedisJobStore implements JobStore {
  readonly #deps: StoreDeps

  constructor(deps: StoreDeps) {
    this.#deps = deps
  }

  queues(): Promise<readonly QueueSummary[]> {
    return this.#ask('list queues', async () => {
      const names = await this.#names()
      return Promise.all(names.sort().map(name => this.#summary(name)))
    })
  }

  queue(queue: string): Promise<QueueSummary> {
    return this.#of(queue, 'read a queue', () => this.#summary(queue))
  }

  list(queue: string, state: JobState, filter: JobFilter = {}, page: PageOptions = {}): Promise<JobPage> {
    return this.#of(queue, 'list jobs', async handle => {
      const { found, ...rest } = await this.#page(handle, state, filter, page)
      return { jobs: found.map(job => summarize(queue, job, state)), ...rest }
    })
  }

  deadLetters(queue: string, filter: JobFilter = {}, page: PageOptions = {}): Promise<JobPage<DeadLetter>> {
    return this.#of(queue, 'list dead letters', async handle => {
      const { found, ...rest } = await this.#page(handle, 'dead', filter, page)
      const histories = await Promise.all(found.map(job => this.#history(handle, job.id!)))
      const jobs = found.map((job, at) => ({ ...summarize(queue, job, 'dead'), reason: reasonOf(histories[at]!), history: histories[at]! }))
      return { jobs, ...rest }
    })
  }

  show(queue: string, id: string): Promise<JobDetail> {
    return this.#of(queue, 'read a job', async handle => {
      const job = await this.#job(handle, id)
      const history = await this.#history(handle, id)
      const summary: JobSummary = summarize(queue, job, await stateOf(job))
      return { ...summary, payload: job.data, ...(job.returnvalue == null ? {} : { result: job.returnvalue }), history }
    })
  }

  count(queue: string, state: JobState, filter: JobFilter = {}): Promise<number> {
    return this.#of(queue, 'count jobs', async handle => {
      if (Object.keys(filter).length === 0) return (await this.#summary(queue)).counts[state]
      return (await this.#collect(handle, state, filter)).length
    })
  }

  async retry(queue: string, target: DeadLetterTarget): Promise<{ matched: number; retried: number }> {
    const { matched, done } = await this.#forDead(queue, target, async (handle, job) => {
      const key = handle.toKey(job.id!)
      // Before it waits, or it would begin with the stalls of its former life. The count of its starts stays: fences go by it.
      await this.#client.call('hdel', key, 'stc', 'hfstalls')
      await this.#client.call('hset', key, 'hfdue', this.#deps.clock.nowMs())
      await this.#client.call('del', cancelFlag(this.#deps.handles.prefix, queue, job.id!))
      await job.retry('failed', { resetAttemptsMade: true })
    })
    return { matched, retried: done }
  }

  async discard(queue: string, target: DeadLetterTarget): Promise<{ matched: number; discarded: number }> {
    const { matched, done } = await this.#forDead(queue, target, (_, job) => job.remove())
    return { matched, discarded: done }
  }

  cancel(queue: string, id: string): Promise<'removed' | 'requested'> {
    return this.#of(queue, 'cancel a job', async handle => {
      const job = await this.#job(handle, id)
      const state = await stateOf(job)
      if (state === 'completed' || state === 'dead') throw jobsErrors.create('HF_JOBS_STATE', `job ${queue}/${id} has ended: it is ${state}`)
      if (state !== 'active' && (await this.#takeOut(handle, job))) return 'removed'
      await requestCancel(this.#client, this.#deps.handles.prefix, queue, id)
      return 'requested'
    })
  }

  pause(queue: string): Promise<void> {
    return this.#of(queue, 'pause a queue', handle => handle.pause())
  }

  resume(queue: string): Promise<void> {
    return this.#of(queue, 'resume a queue', handle => handle.resume())
  }

  drain(queue: string, { delayed = false }: { readonly delayed?: boolean } = {}): Promise<{ removed: number }> {
    return this.#of(queue, 'drain a queue', async handle => {
      const before = (await this.#summary(queue)).counts
      await handle.drain(delayed)
      const prefix = handle.toKey('')
      while (((await runScript(this.#client, DRAIN_LINES, [prefix], [DRAINED_AT_ONCE])) as number) === DRAINED_AT_ONCE);
      return { removed: before.waiting + (delayed ? before.delayed : 0) }
    })
  }

  schedules(queue?: string): Promise<readonly JobSchedule[]> {
    return this.#ask('list schedules', async () => {
      if (queue !== undefined) await this.#known(queue)
      const names = queue === undefined ? (await this.#names()).sort() : [queue]
      const lists = await Promise.all(
        names.map(async name => {
          const handle = await this.#deps.handles.get(name)
          return (await handle.getJobSchedulers(0, -1, true)).map(scheduler => toSchedule(name, scheduler))
        }),
      )
      return lists.flat()
    })
  }

  putSchedule(queue: string, key: string, { name, payload, schedule }: ScheduleRequest): Promise<JobSchedule> {
    return this.#of(queue, 'put a schedule', async handle => {
      if (!/^[A-Za-z0-9._-]{1,100}$/.test(key)) {
        throw jobsErrors.create(
          'HF_JOBS_OPTION',
          `the key of a schedule is ${JSON.stringify(key)}, and must be 1 to 100 letters, digits, dots, dashes, underscores`,
        )
      }
      const next = readSchedule(`${queue}/${key}`, schedule)
      encodePayload(`${queue}/${name}`, payload, SCHEDULE_PAYLOAD_BYTES)
      await handle.upsertJobScheduler(key, toRepeat(schedule, parseDurationMs), { name, data: payload })
      const nextAtMs = next(this.#deps.clock.nowMs())
      return { queue, key, name, schedule, payload, ...(nextAtMs === undefined ? {} : { nextAtMs }) }
    })
  }

  removeSchedule(queue: string, key: string): Promise<void> {
    return this.#of(queue, 'remove a schedule', async handle => {
      if (!(await handle.removeJobScheduler(key)))
        throw jobsErrors.create('HF_JOBS_NOT_FOUND', `queue ${queue} has no schedule ${JSON.stringify(key)}`)
    })
  }

  get #client(): CallerConnection['caller'] {
    return this.#deps.connection.caller
  }

  #ask<T>(what: string, work: () => Promise<T>): Promise<T> {
    return this.#deps.connection.ask(what, work, LIMIT_MS)
  }

  /** Only for queues that are there: to BullMQ any name is one. */
  #of<T>(queue: string, what: string, work: (handle: BullQueue) => Promise<T>): Promise<T> {
    return this.#ask(`${what} of ${queue}`, async () => {
      await this.#known(queue)
      return work(await this.#deps.handles.get(queue))
    })
  }

  async #names(): Promise<string[]> {
    return (await this.#client.call('smembers', `${this.#deps.handles.prefix}:queues`)) as string[]
  }

  async #known(queue: string): Promise<void> {
    if ((await this.#client.call('sismember', `${this.#deps.handles.prefix}:queues`, queue)) === 1) return
    throw jobsErrors.create(
      'HF_JOBS_UNKNOWN_QUEUE',
      `there is no queue ${JSON.stringify(queue)}; there are ${(await this.#names()).sort().join(', ')}`,
    )
  }

  async #summary(name: string): Promise<QueueSummary> {
    const queue = await this.#deps.handles.get(name)
    const prefix = queue.toKey('')
    const [counts, isPaused, held, oldestSince] = await Promise.all([
      queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed', 'completed', 'failed'),
      queue.isPaused(),
      this.#client.call('get', `${prefix}fair:held`),
      runScript(this.#client, OLDEST_WAITING, [prefix], [LINES_LOOKED_AT]),
    ])
    return {
      queue: name,
      counts: {
        waiting: (counts.waiting ?? 0) + (counts.prioritized ?? 0) + Number(held ?? 0),
        active: counts.active ?? 0,
        delayed: counts.delayed ?? 0,
        completed: counts.completed ?? 0,
        dead: counts.failed ?? 0,
      },
      isPaused,
      oldestWaitingMs: oldestSince === null ? 0 : Math.max(0, this.#deps.clock.nowMs() - Number(oldestSince)),
    }
  }

  async #page(
    queue: BullQueue,
    state: JobState,
    filter: JobFilter,
    { limit = PAGE_DEFAULT, cursor = '0' }: PageOptions,
  ): Promise<{ found: BullJob[]; scanned: number; next?: string }> {
    const skip = Number(cursor)
    if (!Number.isSafeInteger(skip) || skip < 0) throw jobsErrors.create('HF_JOBS_OPTION', `${JSON.stringify(cursor)} is no cursor of a page`)
    if (!Number.isSafeInteger(limit) || limit < 1 || limit > PAGE_LIMIT)
      throw jobsErrors.create('HF_JOBS_OPTION', `limit is ${limit}, and must be 1 to ${PAGE_LIMIT}`)
    const found: BullJob[] = []
    let scanned = 0
    for await (const batch of scanJobs(queue, this.#client, state, skip)) {
      for (const job of batch) {
        if (found.length === limit) return { found, scanned, next: String(skip + scanned) }
        scanned++
        if (await this.#isWanted(queue, job, filter)) found.push(job)
      }
      if (scanned >= SCAN_LIMIT) return { found, scanned, next: String(skip + scanned) }
    }
    return { found, scanned }
  }

  async #collect(queue: BullQueue, state: JobState, filter: JobFilter): Promise<BullJob[]> {
    const found: BullJob[] = []
    for await (const batch of scanJobs(queue, this.#client, state, 0)) {
      for (const job of batch) if (await this.#isWanted(queue, job, filter)) found.push(job)
    }
    return found
  }

  async #isWanted(queue: BullQueue, job: BullJob, filter: JobFilter): Promise<boolean> {
    if (!matches(job, filter)) return false
    return filter.reason === undefined || reasonOf(await this.#history(queue, job.id!)) === filter.reason
  }

  async #forDead(
    queue: string,
    target: DeadLetterTarget,
    work: (handle: BullQueue, job: BullJob) => Promise<void>,
  ): Promise<{ matched: number; done: number }> {
    const { handle, jobs } = await this.#of(queue, 'find dead letters', async found => ({
      handle: found,
      jobs: await this.#dead(found, queue, target),
    }))
    let done = 0
    // Each batch has the whole limit: ten thousand dead letters are more than one question.
    for (let at = 0; at < jobs.length; at += TOGETHER) {
      const batch = jobs.slice(at, at + TOGETHER)
      const results = await this.#ask(`change dead letters of ${queue}`, () => Promise.allSettled(batch.map(job => work(handle, job))))
      done += results.filter(({ status }) => status === 'fulfilled').length
    }
    return { matched: jobs.length, done }
  }

  async #dead(handle: BullQueue, queue: string, target: DeadLetterTarget): Promise<BullJob[]> {
    if (!('id' in target)) return this.#collect(handle, 'dead', 'filter' in target ? target.filter : {})
    const job = await this.#job(handle, target.id)
    const state = await stateOf(job)
    if (state === 'dead') return [job]
    throw jobsErrors.create('HF_JOBS_STATE', `job ${queue}/${target.id} is no dead letter: it is ${state}`, { context: { state } })
  }

  async #job(handle: BullQueue, id: string): Promise<BullJob> {
    const job = await handle.getJob(id)
    if (job === undefined || job === null) throw jobsErrors.create('HF_JOBS_NOT_FOUND', `queue ${handle.name} has no job ${JSON.stringify(id)}`)
    return job
  }

  async #history(handle: BullQueue, id: string): Promise<readonly AttemptRecord[]> {
    return parseHistory((await handle.getJobLogs(id, 0, HISTORY_KEPT - 1, true)).logs)
  }

  /** False when a worker has just taken it up. */
  async #takeOut(handle: BullQueue, job: BullJob): Promise<boolean> {
    const { tenant } = job.opts
    if (tenant !== undefined && (await runScript(this.#client, REMOVE_FROM_LINE, [handle.toKey('')], [job.id!, tenant])) === 1) return true
    return job.remove().then(
      () => true,
      () => false,
    )
  }
}

/** In the lines of tenants a job is in no state that BullMQ knows. */
async function stateOf(job: BullJob): Promise<JobState> {
  const state = await job.getState()
  if (state === 'failed') return 'dead'
  return state === 'active' || state === 'delayed' || state === 'completed' ? state : 'waiting'
}

function reasonOf(history: readonly AttemptRecord[]): FailureReason {
  return history.at(-1)?.reason ?? 'error'
}

function toSchedule(queue: string, { key, name, pattern, tz, every, next, template }: BullScheduler): JobSchedule {
  const schedule: Schedule = pattern === undefined ? { every: `${Number(every)}ms` } : { cron: pattern, timeZone: tz ?? 'UTC' }
  return { queue, key, name, schedule, payload: template?.data ?? null, ...(next === undefined ? {} : { nextAtMs: next }) }
}
