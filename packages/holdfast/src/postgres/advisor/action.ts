import type { Clock, Logger } from '../../core/index.ts'
import type { AdvisorClient } from './client.ts'
import type { Ledger } from './ledger.ts'

/** What the actions on one finding share. */
export interface ActionContext {
  readonly connect: () => Promise<AdvisorClient>
  readonly client: AdvisorClient
  readonly clock: Clock
  readonly ledger: Ledger
  readonly logger: Logger
  readonly onProgress: (line: string) => void
}
