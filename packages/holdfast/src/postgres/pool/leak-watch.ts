import type { Clock, ClockTimer, Logger } from '../../core/index.ts'
import type { Registry } from '../../telemetry/index.ts'
import { type Checkouts, holderClause } from './checkouts.ts'

/** What {@link createLeakWatch} works with. */
export interface LeakWatchDeps {
  readonly checkouts: Checkouts
  readonly clock: Clock
  readonly logger: Logger
  readonly registry: Registry
  readonly leakAfterMs: number
}

/** Longest pause between two looks. */
const LOOK_EVERY_MS = 5000

/** Reports each checkout that outlives the limit, once. Returns the function that ends the watch. */
export function createLeakWatch({ checkouts, clock, logger, registry, leakAfterMs }: LeakWatchDeps): () => void {
  const leaks = registry.counter({ name: 'holdfast_pg_long_checkouts', help: 'Connections that were checked out for longer than leakAfter.' }).bind()
  const pauseMs = Math.max(10, Math.min(LOOK_EVERY_MS, leakAfterMs / 4))
  const look = (): void => {
    timer = clock.after(pauseMs, look)
    const nowMs = clock.monotonicMs()
    for (const state of checkouts.held()) {
      if (nowMs - state.heldSinceMs! < leakAfterMs) break
      if (state.isLeakReported) continue
      state.isLeakReported = true
      leaks.add()
      const holder = checkouts.describe(state, nowMs)
      logger.warn({ holder }, `a connection is checked out for longer than ${leakAfterMs} ms, perhaps for ever: ${holderClause(holder)}`)
    }
  }
  let timer: ClockTimer = clock.after(pauseMs, look)
  return () => timer.cancel()
}
