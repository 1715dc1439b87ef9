import { cloneDatabase } from '@holdfast/testkit'
import { delay, systemClock } from 'holdfast/core'
import { createRegistry, type Registry } from 'holdfast/telemetry'
import { Redis } from 'ioredis'
import pg from 'pg'
import { createJobs, type Jobs, type JobsOptions, type QueueDefinitions } from '../../../src/jobs/index.ts'

/** The Redis of the run that never evicts. */
export const REDIS_URL: string = process.env.HOLDFAST_TEST_REDIS_JOBS_URL!

let namespaces = 0

/** A namespace that no other test uses. */
export function newNamespace(): string {
  return `test-${process.pid}-${namespaces++}`
}

/** Jobs under test; dispose them. */
export interface TestJobs<Queues extends QueueDefinitions> extends AsyncDisposable {
  readonly jobs: Jobs<Queues>
  readonly namespace: string
  readonly registry: Registry
  count(name: string, ...labels: string[]): number
}

/** Started jobs in a namespace of their own. */
export async function openJobs<const Queues extends QueueDefinitions>(
  options: Omit<JobsOptions<Queues>, 'redis'> & { readonly redis?: string },
): Promise<TestJobs<Queues>> {
  const registry = createRegistry()
  const namespace = options.namespace ?? newNamespace()
  const jobs = createJobs<Queues>({ redis: REDIS_URL, drainLimit: '200ms', ...options, namespace } as JobsOptions<Queues>, { registry })
  await jobs.start()
  return {
    jobs,
    namespace,
    registry,
    count: (name, ...labels) =>
      registry
        .snapshot()
        .find(family => family.name === name)
        ?.series.find(series => series.labels.join() === labels.join())?.value ?? 0,
    [Symbol.asyncDispose]: () => jobs.stop(),
  }
}

/** Looks every few milliseconds until `check` holds. */
export async function until(check: () => boolean | Promise<boolean>, limitMs = 8000): Promise<void> {
  const startedAtMs = performance.now()
  while (!(await check())) {
    if (performance.now() - startedAtMs > limitMs) throw new Error(`not within ${limitMs} ms: ${check}`)
    await pause(5)
  }
}

/** Real time passes: for what Redis and workers do by themselves. */
export function pause(ms: number): Promise<void> {
  return delay(systemClock, ms)
}

/** A plain client, as another program would use. */
export function foreignClient(url: string = REDIS_URL): Redis {
  return new Redis(url)
}

/** An empty database with a pool. */
export async function openDatabase(): Promise<AsyncDisposable & { readonly pool: pg.Pool; readonly url: string }> {
  const database = await cloneDatabase({ name: 'jobs' })
  const pool = new pg.Pool({ connectionString: database.url, max: 8 })
  pool.on('error', () => undefined)
  return {
    pool,
    url: database.url,
    async [Symbol.asyncDispose]() {
      await pool.end()
      await database.drop()
    },
  }
}
