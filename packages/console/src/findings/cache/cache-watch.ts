import type { Clock, Finding, Lifecycle, Logger } from 'holdfast/core'
import type { ConsoleEvent } from '../../api/contract.ts'
import type { InstanceCache } from '../../collect/collector.ts'
import { createTicker } from '../../collect/ticker.ts'
import type { TrafficStore } from '../../store/traffic-store.ts'
import { changes } from '../finding-ledger.ts'
import type { CacheFindings } from './cache-findings.ts'

/** Length of a window, and the time between two: they do not overlap, so that what follows a change is measured without what went before. */
const WINDOW_SEC = 60
const QUARTER_SEC = 900

/** What the watch works with. */
export interface CacheWatchDeps {
  readonly clock: Clock
  readonly store: TrafficStore
  readonly caches: () => readonly InstanceCache[]
  readonly findings: CacheFindings
  readonly publishEvent: (event: ConsoleEvent) => void
  readonly logger: Logger
}

/** Judges the cache once a minute by what was collected, and says what changed. */
export function createCacheWatch({ clock, store, caches, findings, publishEvent, logger }: CacheWatchDeps): Lifecycle {
  const read = (): ReadonlyMap<string, Finding> => new Map(findings.findings().map(finding => [finding.id, finding]))
  return createTicker({
    name: 'cache findings',
    clock,
    everyMs: WINDOW_SEC * 1000,
    work: async () => {
      const minute = store.window(WINDOW_SEC)
      // Half a window says too little, and a console that has just started has none.
      if (minute.coveredMs < (WINDOW_SEC * 1000) / 2) return
      const { count, sum } = minute.traffic.cache?.redisRead ?? { count: 0, sum: 0 }
      const before = read()
      const atMs = clock.nowMs()
      findings.judge({ minute, quarter: store.window(QUARTER_SEC), caches: caches(), redisReadMs: count === 0 ? 0 : (sum / count) * 1000 }, atMs)
      for (const event of changes(before, read(), atMs)) publishEvent(event)
    },
    onProblem: problem => logger.error({ err: problem }, 'the cache could not be judged'),
  })
}
