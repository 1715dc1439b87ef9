import type { BullJob, BullQueue } from '../bull/port.ts'
import type { JobsRedisClient } from '../redis/port.ts'
import type { JobFilter, JobState, JobSummary } from './job-store.ts'

const BULL_TYPES: Readonly<Record<JobState, readonly string[]>> = {
  waiting: ['waiting', 'prioritized'],
  active: ['active'],
  delayed: ['delayed'],
  completed: ['completed'],
  dead: ['failed'],
}
/** Waiting and delayed jobs in the order in which they run; finished ones newest first. */
const ASCENDING: ReadonlySet<JobState> = new Set(['waiting', 'delayed', 'active'])
const BATCH = 200

/** Jobs of one state, in batches, from the `skip`-th on. 1 to 2 round trips a batch. */
export async function* scanJobs(queue: BullQueue, client: JobsRedisClient, state: JobState, skip: number): AsyncGenerator<readonly BullJob[]> {
  let left = skip
  for (const type of BULL_TYPES[state]) {
    const total = (await queue.getJobCounts(type))[type] ?? 0
    for (let at = left; at < total; at += BATCH) yield present(await queue.getJobs([type], at, at + BATCH - 1, ASCENDING.has(state)))
    left = Math.max(0, left - total)
  }
  if (state === 'waiting') yield* scanLines(queue, client, left)
}

/** Jobs in the lines of tenants, tenant by tenant. */
async function* scanLines(queue: BullQueue, client: JobsRedisClient, skip: number): AsyncGenerator<readonly BullJob[]> {
  const prefix = queue.toKey('')
  const ring = (await client.call('lrange', `${prefix}fair:ring`, 0, -1)) as string[]
  const parked = (await client.call('zrange', `${prefix}fair:parked`, 0, -1)) as string[]
  let left = skip
  for (const tenant of [...new Set([...ring, ...parked])].sort()) {
    const line = `${prefix}fair:line:${tenant}`
    const length = Number(await client.call('llen', line))
    for (let at = left; at < length; at += BATCH) {
      const ids = (await client.call('lrange', line, at, at + BATCH - 1)) as string[]
      yield present(await Promise.all(ids.map(id => queue.getJob(id))))
    }
    left = Math.max(0, left - length)
  }
}

function present(jobs: readonly (BullJob | undefined | null)[]): BullJob[] {
  return jobs.filter(job => job !== undefined && job !== null)
}

/** A job as plain data. */
export function summarize(queue: string, job: BullJob, state: JobState): JobSummary {
  const delayMs = job.opts.delay ?? 0
  return {
    queue,
    id: job.id!,
    name: job.name,
    state,
    ...(job.opts.tenant === undefined ? {} : { tenant: job.opts.tenant }),
    priority: job.priority,
    attemptsMade: job.attemptsMade + job.stalledCounter,
    enqueuedAtMs: job.timestamp,
    ...(delayMs > 0 ? { dueAtMs: job.timestamp + delayMs } : {}),
    ...(job.processedOn === undefined ? {} : { startedAtMs: job.processedOn }),
    ...(job.finishedOn === undefined ? {} : { finishedAtMs: job.finishedOn }),
    ...(job.failedReason === undefined ? {} : { failure: job.failedReason }),
    ...(job.repeatJobKey === undefined ? {} : { schedule: job.repeatJobKey }),
  }
}

/** True when a job is what the filter asks for, but for `reason`, which is not in the job itself. */
export function matches(job: BullJob, filter: JobFilter): boolean {
  const contains = (text: string, part: string): boolean => text.toLowerCase().includes(part.toLowerCase())
  if (filter.name !== undefined && job.name !== filter.name) return false
  if (filter.id !== undefined && !job.id!.includes(filter.id)) return false
  if (filter.tenant !== undefined && job.opts.tenant !== filter.tenant) return false
  if (filter.fromMs !== undefined && job.timestamp < filter.fromMs) return false
  if (filter.toMs !== undefined && job.timestamp >= filter.toMs) return false
  if (filter.failure !== undefined && !contains(job.failedReason ?? '', filter.failure)) return false
  return filter.text === undefined || contains(JSON.stringify(job.data), filter.text)
}
