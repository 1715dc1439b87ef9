import type { Clock, Finding, Lifecycle, Logger } from 'holdfast/core'
import type { ConsoleEvent } from '../../api/contract.ts'
import type { InstanceRepeats } from '../../collect/collector.ts'
import { createTicker } from '../../collect/ticker.ts'
import type { TrafficStore } from '../../store/traffic-store.ts'
import { changes } from '../finding-ledger.ts'
import type { RepeatFindings } from './repeat-findings.ts'
import { createRepeatWindows } from './repeat-view.ts'

/** Length of a window, and the time between two: they do not overlap. */
const WINDOW_SEC = 60

/** What the watch works with. */
export interface RepeatWatchDeps {
  readonly clock: Clock
  readonly store: TrafficStore
  readonly repeats: () => readonly InstanceRepeats[]
  readonly findings: RepeatFindings
  readonly publishEvent: (event: ConsoleEvent) => void
  readonly logger: Logger
}

/** Judges repeated statements once a minute by what was collected, and says what changed. */
export function createRepeatWatch({ clock, store, repeats, findings, publishEvent, logger }: RepeatWatchDeps): Lifecycle {
  const windows = createRepeatWindows()
  const read = (): ReadonlyMap<string, Finding> => new Map(findings.findings().map(finding => [finding.id, finding]))
  return createTicker({
    name: 'repeat findings',
    clock,
    everyMs: WINDOW_SEC * 1000,
    work: async () => {
      const minute = store.window(WINDOW_SEC)
      const patterns = windows.next(repeats())
      // Half a window says too little, and a console that has just started has none.
      if (minute.coveredMs < (WINDOW_SEC * 1000) / 2) return
      const before = read()
      const atMs = clock.nowMs()
      findings.judge({ minute, patterns }, atMs)
      for (const event of changes(before, read(), atMs)) publishEvent(event)
    },
    onProblem: problem => logger.error({ err: problem }, 'repeated statements could not be judged'),
  })
}
