import { type Clock, type Logger, silentLogger, systemClock } from '../../core/index.ts'
import { loadBullMq } from '../bull/port.ts'
import { QueueHandles } from '../bull/queue-handles.ts'
import { keyPrefix } from '../key-prefix.ts'
import { CallerConnection, COMMAND_LIMIT_MS } from '../redis/connections.ts'
import type { JobsRedisOption } from '../redis/port.ts'
import type { JobStore } from './job-store.ts'
import { RedisJobStore } from './redis-job-store.ts'

/** Options of {@link createJobStore}. */
export interface JobStoreOptions {
  readonly redis: JobsRedisOption
  /** That of the processes whose queues these are. Default `app`. */
  readonly namespace?: string
}

/** A store with a connection of its own. */
export interface OwnJobStore extends JobStore, AsyncDisposable {
  /** Ends the connection. */
  close(): Promise<void>
}

/** Looks after queues from a process that neither adds nor works jobs, such as a command line. Connects at once and in the background.
 *  @throws HF_JOBS_BULLMQ_MISSING */
export function createJobStore(
  { redis, namespace = 'app' }: JobStoreOptions,
  { clock = systemClock, logger = silentLogger }: { readonly clock?: Clock; readonly logger?: Logger } = {},
): OwnJobStore {
  // The first question comes while the connection is being made.
  const connection = new CallerConnection(redis, { clock, logger }, COMMAND_LIMIT_MS)
  const handles = new QueueHandles(loadBullMq(), connection, { prefix: keyPrefix(namespace), logger })
  void connection.open()
  const close = async (): Promise<void> => {
    await handles.close()
    connection.close()
  }
  const store = new RedisJobStore({ connection, handles, clock })
  return Object.assign(store, { close, [Symbol.asyncDispose]: close })
}
