import type { Clock, Logger } from '../../core/index.ts'
import type { Registry } from '../../telemetry/index.ts'
import { pgErrors } from '../errors.ts'
import type { PoolHealth } from '../pool-health.ts'
import type { PoolListener } from '../pool-hook.ts'
import { errorLabel } from '../sqlstate.ts'
import type { UserPool } from '../user-pool.ts'
import { type Checkouts, holderClause } from './checkouts.ts'
import type { PoolMeter } from './pool-meter.ts'

/** What {@link createPoolListener} works with. */
export interface PoolListenerDeps {
  readonly pool: UserPool
  readonly registry: Registry
  readonly health: PoolHealth
  readonly logger: Logger
  readonly clock: Clock
  readonly checkouts: Checkouts
  readonly meter: PoolMeter
}

/** Counts what the hook hears of one pool, and words its errors. */
export function createPoolListener({ pool, registry, health, logger, clock, checkouts, meter }: PoolListenerDeps): PoolListener {
  const failures = registry.counter({ name: 'holdfast_pg_acquire_errors', help: 'Checkouts that gave no connection.', labels: ['sqlstate'] })
  const lost = registry.counter({
    name: 'holdfast_pg_connections_lost',
    help: 'Connections that broke, whether idle or in use.',
    labels: ['sqlstate'],
  })
  const openTransactions = registry
    .counter({ name: 'holdfast_pg_open_transactions_returned', help: 'Connections given back inside an open transaction.' })
    .bind()
  return {
    onAsk: () => health.noteAsk(pool.waitingCount, pool.options.max ?? Number.POSITIVE_INFINITY),
    onAcquired(waitMs, nowMs) {
      meter.noteAcquired(waitMs, nowMs)
      health.noteAcquired(waitMs === 0)
    },
    onAcquireFailed(error, waitMs) {
      meter.noteFailed(waitMs)
      const shown = isQueueTimeout(pool, error, waitMs) ? acquireTimeout(pool, error, waitMs, checkouts, clock) : error
      const label = errorLabel(shown)
      failures.bind(label).add()
      health.noteFailure(label)
      return shown
    },
    onReturned: (ranMs, nowMs) => meter.noteReturned(ranMs, nowMs),
    onConnectionLost(error) {
      lost.bind(errorLabel(error)).add()
      logger.warn({ err: error }, 'a connection to PostgreSQL was lost; the pool opens another when one is needed')
    },
    onOpenTransaction(state) {
      openTransactions.add()
      const holder = checkouts.describe(state, clock.monotonicMs())
      logger.error(
        { code: 'HF_PG_OPEN_TRANSACTION', holder },
        `a client came back to the pool inside an open transaction, which was rolled back: ${holderClause(holder)}`,
      )
    },
  }
}

/** `pg.Pool` gives up a queued caller with an error that has neither a code nor a cause; one that waited for a connect has a cause. A pool of ours
 *  has its own code for it, and knows less of the holder than the observer. */
function isQueueTimeout(pool: UserPool, error: unknown, waitMs: number): boolean {
  const limitMs = pool.options.connectionTimeoutMillis
  if (!limitMs || !(error instanceof Error)) return false
  if ((error as { code?: unknown }).code === 'HF_PG_ACQUIRE_TIMEOUT') return true
  // A millisecond of grace, for timers are rounded.
  return waitMs >= limitMs - 1 && (error as { code?: unknown }).code === undefined && error.cause === undefined
}

function acquireTimeout(pool: UserPool, cause: unknown, waitMs: number, checkouts: Checkouts, clock: Clock): Error {
  const max = pool.options.max ?? 0
  const used = pool.totalCount - pool.idleCount
  const [longest] = checkouts.holders(clock.monotonicMs(), 1)
  const limitMs = pool.options.connectionTimeoutMillis ?? 0
  const counts = `waited ${Math.round(waitMs)} ms for a connection (limit ${limitMs} ms), ${used} of ${max} in use, ${pool.waitingCount} more wait`
  const message = longest === undefined ? counts : `${counts}; the longest is ${holderClause(longest)}`
  return pgErrors.create('HF_PG_ACQUIRE_TIMEOUT', message, { cause, context: { waitMs, limitMs, used, max, longest } })
}
