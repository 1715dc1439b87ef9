import type { Clock, Finding, Lifecycle, Logger } from 'holdfast/core'
import type { ConsoleEvent } from '../../api/contract.ts'
import type { InstanceJobs } from '../../collect/collector.ts'
import { createTicker } from '../../collect/ticker.ts'
import { changes } from '../finding-ledger.ts'
import type { JobFindings } from './job-findings.ts'

/** Time between two looks at what the instances said last. */
const LOOK_EVERY_MS = 2000

/** What the watch works with. */
export interface JobWatchDeps {
  readonly clock: Clock
  readonly jobs: () => readonly InstanceJobs[]
  readonly findings: JobFindings
  readonly publishEvent: (event: ConsoleEvent) => void
  readonly logger: Logger
}

/** Hears what the instances say of their queues, and says what changed. */
export function createJobWatch({ clock, jobs, findings, publishEvent, logger }: JobWatchDeps): Lifecycle {
  const read = (): ReadonlyMap<string, Finding> => new Map(findings.findings().map(finding => [finding.id, finding]))
  return createTicker({
    name: 'job findings',
    clock,
    everyMs: LOOK_EVERY_MS,
    work: async () => {
      const before = read()
      const atMs = clock.nowMs()
      findings.note(jobs(), atMs)
      for (const event of changes(before, read(), atMs)) publishEvent(event)
    },
    onProblem: problem => logger.error({ err: problem }, 'findings of jobs could not be read'),
  })
}
