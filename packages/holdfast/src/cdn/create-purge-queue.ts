import { redisAccessOf, type TieredCache } from '../cache/index.ts'
import { coreErrors } from '../core/index.ts'
import type { UserPool } from '../postgres/index.ts'
import { PostgresPurgeQueue } from './queue/postgres-queue.ts'
import type { PurgeQueue } from './queue/purge-queue.ts'
import { RedisPurgeQueue } from './queue/redis-queue.ts'

/** Where purges wait: in PostgreSQL when there is a pool, else in the Redis of the cache. @throws HF_CONFIG_INVALID when there is neither */
export function createPurgeQueue(namespace: string, pool: UserPool | undefined, cache?: TieredCache): PurgeQueue {
  if (pool !== undefined) return new PostgresPurgeQueue(pool, namespace)
  const redis = cache && redisAccessOf(cache)
  if (redis !== undefined) return new RedisPurgeQueue(redis, namespace)
  throw coreErrors.create('HF_CONFIG_INVALID', 'cdn: needs `pg`, or else `redis`: purges must outlive the process')
}
