import type { Clock, Logger } from '../../core/index.ts'
import type { Registry } from '../../telemetry/index.ts'
import type { StatementStore } from '../statement-store.ts'
import type { RunningStatement } from '../statement-watch.ts'
import type { UserPool } from '../user-pool.ts'
import { type SlowStatement, SlowStatements, type SlowThresholds } from './slow-statements.ts'
import { createSlowWatch } from './slow-watch.ts'

/** What {@link createSlow} works with. */
export interface SlowDeps {
  readonly pool: UserPool
  readonly store: StatementStore
  readonly thresholds: SlowThresholds
  readonly wantsPlans: boolean
  readonly registry: Registry
  readonly clock: Clock
  readonly logger: Logger
}

/** Slow statements: remembered, logged, planned, summed up. */
export interface Slow {
  note(running: RunningStatement, tookMs: number): void
  snapshot(): readonly SlowStatement[]
  /** Begins to look for plans; returns the function that ends it. */
  start(): () => Promise<void>
}

/** Nothing was slow yet. */
export function createSlow({ pool, store, thresholds, wantsPlans, registry, clock, logger }: SlowDeps): Slow {
  const counts = registry.counter({
    name: 'holdfast_pg_slow_statements',
    help: 'Statements that took longer than slowWarn or slowError.',
    labels: ['level'],
  })
  const plans = registry.counter({ name: 'holdfast_pg_slow_plans', help: 'Plans wanted of slow statements.', labels: ['result'] })
  const statements = new SlowStatements({ store, thresholds, logger, clock, counts, wantsPlans })
  return {
    note: (running, tookMs) => statements.note(running.record, running, tookMs, running.waitMs),
    snapshot: () => statements.snapshot(),
    start: () => createSlowWatch({ statements, pool, clock, logger, plans }),
  }
}
