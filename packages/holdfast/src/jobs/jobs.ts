import { type Clock, createLifecycle, type Health, type Lifecycle, type Logger, type Schedule, silentLogger, systemClock } from '../core/index.ts'
import { createRegistry, type Registry } from '../telemetry/index.ts'
import { loadBullMq } from './bull/port.ts'
import type { AddOptions, NameOf, PayloadOf, QueueDefinitions } from './job-definition.ts'
import { JobsEngine } from './jobs-engine.ts'
import { type JobsOptions, resolveOptions } from './jobs-options.ts'
import type { FenceTransaction } from './running-job.ts'
import type { JobSchedule, JobStore } from './store/job-store.ts'
import type { JobsState } from './watch/queue-watch.ts'

/** What jobs take from their surroundings. */
export interface JobsDeps {
  readonly clock?: Clock
  readonly random?: () => number
  readonly logger?: Logger
  readonly registry?: Registry
}

/** One of {@link Jobs.addMany}. */
export type JobToAdd<Queues extends QueueDefinitions, Queue extends keyof Queues, Name extends NameOf<Queues, Queue> = NameOf<Queues, Queue>> =
  Name extends NameOf<Queues, Queue> ? AddOptions & { readonly name: Name; readonly payload: PayloadOf<Queues, Queue, Name> } : never

/** Queues, and the workers of this process. */
export interface Jobs<Queues extends QueueDefinitions = QueueDefinitions> extends Lifecycle {
  /** Puts a job into its queue and returns its id. 1 round trip to Redis.
   *  @throws HF_JOBS_REDIS_AWAY within 2.5 s; HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_UNKNOWN_NAME, HF_JOBS_OPTION, HF_JOBS_PAYLOAD, HF_JOBS_PAYLOAD_TOO_LARGE */
  add<Queue extends keyof Queues & string, Name extends NameOf<Queues, Queue>>(
    queue: Queue,
    name: Name,
    payload: PayloadOf<Queues, Queue, Name>,
    options?: AddOptions,
  ): Promise<string>
  /** The same for many jobs of one queue, none when one is refused. 1 round trip for those with a tenant and 1 for the others.
   *  When Redis goes away in the middle, some may be in the queue. @throws as `add` */
  addMany<Queue extends keyof Queues & string>(queue: Queue, jobs: readonly JobToAdd<Queues, Queue>[]): Promise<string[]>
  /** Writes a job into the outbox, in the caller's transaction: it is handed over after COMMIT, and never when that rolls back. Needs no Redis.
   *  Returns its id. 1 statement. @throws HF_JOBS_NO_POSTGRES, and as `add` but for HF_JOBS_REDIS_AWAY */
  enqueue<Queue extends keyof Queues & string, Name extends NameOf<Queues, Queue>>(
    tx: FenceTransaction,
    queue: Queue,
    name: Name,
    payload: PayloadOf<Queues, Queue, Name>,
    options?: AddOptions,
  ): Promise<string>
  /** The same for many jobs. 1 statement. @throws as `enqueue` */
  enqueueMany<Queue extends keyof Queues & string>(tx: FenceTransaction, queue: Queue, jobs: readonly JobToAdd<Queues, Queue>[]): Promise<string[]>
  /** Makes a schedule of the queue, or changes it: at each time one job is added. 2 round trips. It lives in Redis until it is removed, whatever processes come and go.
   *  @throws HF_JOBS_SCHEDULE for a bad expression or time zone, HF_JOBS_OPTION for the key, and as `add` */
  schedule<Queue extends keyof Queues & string, Name extends NameOf<Queues, Queue>>(
    queue: Queue,
    key: string,
    request: { readonly name: Name; readonly payload: PayloadOf<Queues, Queue, Name>; readonly schedule: Schedule },
  ): Promise<JobSchedule>
  /** The queues as BullMQ's own objects (`bullQueues<Queue>()`, with its type), for tools that want them, such as bull-board. They end with these jobs. Let a tool only
   *  look: what it changes knows nothing of attempts by policy and of lines. @throws HF_JOBS_REDIS_AWAY */
  bullQueues<Queue = unknown>(): Promise<readonly Queue[]>
  /** How long `stop()` may take, in ms. */
  readonly stopLimitMs: number
  /** Lists, retries, cancels, pauses, drains, and lists and removes schedules. */
  readonly store: JobStore
  /** Queues, alerts and findings at the last look, every 5 s. Empty before the first. */
  state(): JobsState
  /** Looks now. 4 round trips a queue, together. @throws HF_JOBS_REDIS_AWAY */
  look(): Promise<JobsState>
  /** `down` when no job can be added or worked, `degraded` when some wait for longer than they should. */
  health(): Health
}

/** Queues over BullMQ. Nothing runs before `start()`, which refuses a Redis that may evict jobs (HF_JOBS_EVICTION); one that is away is waited for in the background.
 *  @throws HF_CONFIG_INVALID naming every bad option at once; HF_JOBS_BULLMQ_MISSING */
export function createJobs<const Queues extends QueueDefinitions>(options: JobsOptions<Queues>, deps: JobsDeps = {}): Jobs<Queues> {
  const { clock = systemClock, random = Math.random, logger = silentLogger, registry = createRegistry() } = deps
  const resolved = resolveOptions(options as unknown as JobsOptions<QueueDefinitions>)
  const engine = new JobsEngine({ ...resolved, redis: options.redis, pool: options.pool }, { bull: loadBullMq(), clock, random, logger, registry })
  const stopLimitMs = resolved.drainLimitMs + STOP_REST_MS
  const lifecycle = createLifecycle({
    name: 'jobs',
    clock,
    start: () => engine.start(),
    stop: () => engine.stop(),
    stopLimitMs,
    onStopProblem: problem => logger.warn({ err: problem }, 'jobs did not stop cleanly'),
  })
  const untyped: Calls<QueueDefinitions> = {
    add: (queue, name, payload, addOptions) => engine.addOne(queue, name, payload, addOptions),
    addMany: (queue, jobs) => engine.add(queue, jobs),
    enqueue: async (tx, queue, name, payload, addOptions) => (await engine.enqueue(tx, queue, [{ name, payload, ...addOptions }]))[0]!,
    enqueueMany: (tx, queue, jobs) => engine.enqueue(tx, queue, jobs),
    schedule: (queue, key, request) => engine.schedule(queue, key, request),
  }
  return {
    ...lifecycle,
    ...(untyped as unknown as Calls<Queues>),
    store: engine.store,
    bullQueues: <Queue>() => engine.bullQueues() as Promise<readonly Queue[]>,
    stopLimitMs,
    state: () => engine.watch.state,
    look: () => engine.watch.look(),
    health: () => engine.health(),
  }
}

/** The functions whose arguments follow from the definitions. */
type Calls<Queues extends QueueDefinitions> = Pick<Jobs<Queues>, 'add' | 'addMany' | 'enqueue' | 'enqueueMany' | 'schedule'>

/** What a stop may take beside the drain: the last commands to Redis. */
const STOP_REST_MS = 8000
