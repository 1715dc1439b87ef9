import { type Holdfast, holdfast } from 'holdfast'
import type { Warming } from 'holdfast/cache'
import { delay, systemClock } from 'holdfast/core'
import type { Pool } from 'pg'
import { queuedWork } from './jobs/queued-work.ts'
import { type JobWorld, type LeadsQueues, leadsQueues } from './jobs/queues.ts'
import { setSchedules, UPKEEP } from './jobs/upkeep.ts'
import { log } from './log.ts'
import { RESPONSE_RULES } from './response-rules.ts'
import type { ServiceOptions } from './service.ts'
import { createLeadsWarming } from './warming.ts'
import { type LeadWork, workAtOnce } from './work/lead-work.ts'

/** The service's Holdfast, started. */
export interface LeadsHoldfast {
  readonly hf: Holdfast<Pool, never, Record<never, never>, LeadsQueues>
  /** By jobs where there is a Redis for them, else at once. */
  readonly work: LeadWork
  stop(): Promise<void>
}

/** What it is made of: the settings of the service, and whether this process works the queues. */
export interface HoldfastSettings extends Pick<ServiceOptions, 'mode' | 'redisUrl' | 'jobsRedisUrl' | 'cacheNamespace'> {
  readonly worksJobs: boolean
}

/** How long a stop waits for running jobs before it hands them back: the service is to end within five seconds. */
const DRAIN_LIMIT = '2s'
/** Pause before schedules are set again when the Redis of the jobs was away. */
const SCHEDULES_RETRY_MS = 5000

/** Starts Holdfast over the pool, with the jobs where there is a Redis for them. */
export async function startHoldfast(
  pool: Pool,
  { mode, redisUrl, jobsRedisUrl, cacheNamespace, worksJobs }: HoldfastSettings,
): Promise<LeadsHoldfast> {
  let open: (world: JobWorld) => void = () => undefined
  // Workers begin inside of holdfast(), so a job that waited may come before what it works with is there.
  const queues = leadsQueues(
    new Promise(resolve => {
      open = resolve
    }),
  )
  const jobs = { redis: jobsRedisUrl ?? '', queues, drainLimit: DRAIN_LIMIT, work: worksJobs ? 'all' : 'none' } as const
  const hf = await holdfast<Pool, never, Record<never, never>, LeadsQueues>({
    pg: pool,
    redis: redisUrl,
    cache: { namespace: cacheNamespace },
    responses: { rules: RESPONSE_RULES },
    upkeep: UPKEEP,
    service: 'leads',
    logger: log,
    ...(jobsRedisUrl === undefined ? {} : { jobs }),
  })
  let warming: Warming | undefined
  if (mode === 'cache') {
    warming = createLeadsWarming(hf.cache, hf.pg)
    await warming.start()
  }
  open({ hf, warming })
  if (jobsRedisUrl === undefined) return { hf, work: workAtOnce, stop: () => hf.stop() }
  const ending = new AbortController()
  const scheduled = worksJobs ? keepSchedules(hf, ending.signal) : Promise.resolve()
  const stop = async (): Promise<void> => {
    ending.abort()
    await scheduled
    await hf.stop()
  }
  return { hf, work: queuedWork(hf.jobs), stop }
}

/** A Redis that is away at the start does not hold the service up. Never rejects. */
async function keepSchedules({ jobs }: LeadsHoldfast['hf'], signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      return await setSchedules(jobs)
    } catch (error) {
      log.warn({ error: (error as Error).message }, 'the schedules of the jobs are not set yet')
      await delay(systemClock, SCHEDULES_RETRY_MS, signal).catch(() => undefined)
    }
  }
}
