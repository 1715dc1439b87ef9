import type { CdnDesk } from 'holdfast/cdn'
import type { Clock, Logger } from 'holdfast/core'
import type { CdnRoutesDeps } from '../api/cdn-routes.ts'
import type { ConsoleEvent } from '../api/contract.ts'
import type { AuditTrail } from '../audit-trail.ts'
import { shareReadings } from '../database/shared-reading.ts'
import { createCdnControl } from './cdn-control.ts'

/** What the console's work on CDNs stands on. */
export interface ConsoleCdnDeps extends Pick<CdnRoutesDeps, 'window' | 'needsConfirmation'> {
  readonly desk: CdnDesk | undefined
  readonly clock: Clock
  readonly logger: Logger
  readonly audited: AuditTrail
  readonly publishEvent: (event: ConsoleEvent) => void
}

/** What the addresses of CDNs answer from. */
export function createConsoleCdn({ desk, clock, logger, audited, publishEvent, needsConfirmation, window }: ConsoleCdnDeps): CdnRoutesDeps {
  let changeCount = 0
  const onChanged = (): void => void changeCount++
  const control = createCdnControl({ desk, needsConfirmation, clock, logger, audited, publishEvent, onChanged })
  const status = shareReadings(clock, control.status, () => changeCount)
  return { control, status, needsConfirmation, nowMs: () => clock.nowMs(), window }
}
