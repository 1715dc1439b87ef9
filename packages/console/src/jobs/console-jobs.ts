import type { Clock, Lifecycle, Logger } from 'holdfast/core'
import type { JobStore } from 'holdfast/jobs'
import type { ConsoleEvent } from '../api/contract.ts'
import type { JobsRoutesDeps } from '../api/jobs-routes.ts'
import type { AuditTrail } from '../audit-trail.ts'
import { shareReadings } from '../database/shared-reading.ts'
import { createDepthRecorder } from './depth-recorder.ts'
import { createJobControl } from './job-control.ts'

/** What the console's work on jobs stands on. */
export interface ConsoleJobsDeps extends Pick<JobsRoutesDeps, 'window' | 'isPartial' | 'needsConfirmation' | 'instances' | 'findings'> {
  readonly store: JobStore | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly audited: AuditTrail
  readonly publishEvent: (event: ConsoleEvent) => void
}

/** What the addresses of jobs answer from, and what has to run for it: nothing where there is no store. */
export function createConsoleJobs(deps: ConsoleJobsDeps): { readonly routes: JobsRoutesDeps; readonly parts: readonly Lifecycle[] } {
  const { store, clock, logger, audited, publishEvent, needsConfirmation, window, isPartial, instances, findings } = deps
  const nowMs = (): number => clock.nowMs()
  let changeCount = 0
  const onChanged = (): void => void changeCount++
  const control = createJobControl({ store, needsConfirmation, logger, audited, nowMs, publishEvent, onChanged })
  const recorder = createDepthRecorder(control.queues, { clock, logger })
  const queues = shareReadings(clock, control.queues, () => changeCount)
  return {
    routes: { control, queues, depth: recorder.samples, needsConfirmation, nowMs, window, isPartial, instances, findings },
    parts: store === undefined ? [] : [recorder],
  }
}
