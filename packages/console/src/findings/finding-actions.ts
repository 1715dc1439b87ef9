import type { Finding } from 'holdfast/core'
import type { FindingDetail } from '../api/contract.ts'
import { hasRole, type Role } from '../auth/console-auth.ts'
import { consoleErrors } from '../errors.ts'
import type { AdvisorPort } from './advisor-port.ts'

/** What can be done with a finding. */
export type FindingActionName = 'apply' | 'verify' | 'revert'

const ACTIONS: Readonly<Record<Finding['state'], readonly FindingActionName[]>> = {
  open: ['apply'],
  snoozed: ['apply'],
  applied: ['verify', 'revert'],
  verified: ['verify', 'revert'],
  regressed: ['revert'],
  gone: [],
}

/** What the caller may do with the finding as it stands.
 *  @param needsConfirmation whether apply and revert want the finding's id typed */
export function describeFinding(finding: Finding, role: Role, needsConfirmation: boolean): FindingDetail {
  const actions = hasRole(role, 'operate') ? ACTIONS[finding.state] : []
  return { schema: 'holdfast.finding/1', finding, actions, confirmation: needsConfirmation ? finding.id : null }
}

/** Runs actions, one at a time. */
export interface FindingActions {
  /** Resolves when the action is finished, which may take as long as an index takes to build. A caller that leaves does not stop it.
   *  @throws HF_CONSOLE_NO_ADVISOR, HF_CONSOLE_CONFIRMATION, HF_CONSOLE_BUSY, and what the advisor throws. */
  run(id: string, action: FindingActionName, confirmation: unknown): Promise<void>
}

/** Actions over an advisor.
 *  @param needsConfirmation whether apply and revert want the finding's id typed */
export function createFindingActions(advisor: AdvisorPort | undefined, needsConfirmation: boolean): FindingActions {
  let running: string | undefined

  return {
    async run(id, action, confirmation) {
      if (advisor === undefined) throw consoleErrors.create('HF_CONSOLE_NO_ADVISOR', 'there are no findings here')
      if (needsConfirmation && action !== 'verify' && confirmation !== id) {
        throw consoleErrors.create('HF_CONSOLE_CONFIRMATION', `to ${action}, confirm with the text ${id}`)
      }
      if (running !== undefined) throw consoleErrors.create('HF_CONSOLE_BUSY', `${running} is running`)
      running = `${action} ${id}`
      try {
        await advisor[action](id)
      } finally {
        running = undefined
      }
    },
  }
}
