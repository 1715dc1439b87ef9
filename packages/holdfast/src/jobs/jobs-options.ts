import { collectConfigProblems, type Duration, parseDurationMs } from '../core/index.ts'
import type { UserPool } from '../postgres/index.ts'
import type { QueueDefinitions } from './job-definition.ts'
import { type ResolvedQueue, resolveQueue } from './job-policy.ts'
import type { JobsRedisOption } from './redis/port.ts'

/** Options of {@link createJobs}. */
export interface JobsOptions<Queues extends QueueDefinitions> {
  /** A Redis with `maxmemory-policy noeviction`: a URL, or an ioredis client or `Cluster`, which is duplicated. */
  readonly redis: JobsRedisOption
  /** For the outbox and fences. Default: none; both then throw HF_JOBS_NO_POSTGRES. */
  readonly pool?: UserPool
  readonly queues: Queues
  /** Queues that this process works: `'all'` (those with a `run`), `'none'`, or their names. Default `'all'`. */
  readonly work?: 'all' | 'none' | readonly (keyof Queues & string)[]
  /** Processes of one namespace share queues: 1 to 64 letters, digits, dots, dashes, underscores. Default `app`. */
  readonly namespace?: string
  /** How long a stop waits for running jobs before it hands them back, `'0ms'` to `'10m'`. Default `'10s'`. */
  readonly drainLimit?: Duration
  /** How long a worker may be silent before its jobs count as stalled, `'1s'` to `'1h'`. Half as much is added until it is noticed. Default `'30s'`. */
  readonly stalledAfter?: Duration
}

/** Options that were read. */
export interface ResolvedJobs {
  readonly namespace: string
  readonly queues: ReadonlyMap<string, ResolvedQueue>
  readonly work: ReadonlySet<string>
  readonly drainLimitMs: number
  readonly stalledAfterMs: number
}

/** @throws HF_CONFIG_INVALID naming every bad option at once */
export function resolveOptions(options: JobsOptions<QueueDefinitions>): ResolvedJobs {
  const problems = collectConfigProblems()
  for (const key of Object.keys(options))
    if (!KNOWN_OPTIONS.has(key)) problems.add(key, `is not an option; known are ${[...KNOWN_OPTIONS].join(', ')}`)
  const { namespace = 'app', work = 'all', redis } = options
  if (typeof redis === 'string' ? !/^rediss?:\/\//.test(redis) : typeof redis?.duplicate !== 'function')
    problems.add('redis', 'must be a URL that starts with redis:// or rediss://, or an ioredis client or Cluster')
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(namespace)) problems.add('namespace', 'must be 1 to 64 letters, digits, dots, dashes and underscores')
  const queues = new Map(Object.entries(options.queues ?? {}).map(([name, queue]) => [name, resolveQueue(name, queue, problems)]))
  if (queues.size === 0) problems.add('queues', 'must define at least one queue')
  const duration = (path: string, value: Duration, leastMs: number, mostMs: number): number => {
    const ms = problems.attempt(path, () => parseDurationMs(value), leastMs)
    if (ms < leastMs || ms > mostMs) problems.add(path, `must be from ${leastMs} ms to ${mostMs} ms, is ${ms} ms`)
    return ms
  }
  if (Array.isArray(work)) for (const name of work) if (!queues.has(name)) problems.add('work', `names ${JSON.stringify(name)}, which is no queue`)
  const resolved = {
    namespace,
    queues,
    work: worked(queues, work),
    drainLimitMs: duration('drainLimit', options.drainLimit ?? '10s', 0, 600_000),
    stalledAfterMs: duration('stalledAfter', options.stalledAfter ?? '30s', 1000, 3_600_000),
  }
  problems.throwIfAny('createJobs()')
  return resolved
}

const KNOWN_OPTIONS: ReadonlySet<string> = new Set(['redis', 'pool', 'queues', 'work', 'namespace', 'drainLimit', 'stalledAfter'])

function worked(queues: ReadonlyMap<string, ResolvedQueue>, work: 'all' | 'none' | readonly string[]): ReadonlySet<string> {
  if (work === 'none') return new Set()
  if (work !== 'all') return new Set(work)
  const hasRun = (queue: ResolvedQueue): boolean => [...queue.jobs.values()].some(({ definition }) => definition.run !== undefined)
  return new Set([...queues.values()].filter(hasRun).map(queue => queue.name))
}
