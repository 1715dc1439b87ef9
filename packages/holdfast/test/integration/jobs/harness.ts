import { cloneDatabase } from '@holdfast/testkit'
import { createRegistry, type Registry } from 'holdfast/telemetry'
import { Redis } from 'ioredis'
import pg from 'pg'
import { createJobs, type Jobs, type JobsDeps, type JobsOptions, type QueueDefinitions } from '../../../src/jobs/index.ts'
import { newNamespace, until as untilWithin } from '../cache/harness.ts'

export { newNamespace, pause } from '../cache/harness.ts'

/** The Redis of the run that never evicts. */
export const REDIS_URL: string = process.env.HOLDFAST_TEST_REDIS_JOBS_URL!

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
  deps: JobsDeps = {},
): Promise<TestJobs<Queues>> {
  const registry = createRegistry()
  const namespace = options.namespace ?? newNamespace()
  const jobs = createJobs<Queues>({ redis: REDIS_URL, drainLimit: '200ms', ...options, namespace } as JobsOptions<Queues>, { registry, ...deps })
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

/** Looks until `check` holds; what workers do by themselves takes longer than what a cache does. */
export function until(check: () => boolean | Promise<boolean>, limitMs = 8000): Promise<number> {
  return untilWithin(check, limitMs)
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
