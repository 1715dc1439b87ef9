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

/** Findings one by one, and the actions on them. */
export interface FindingActions {
  /** @throws HF_CONSOLE_NO_ADVISOR, and what the advisor throws. */
  detail(id: string, role: Role): Promise<FindingDetail>
  /** Resolves when the action is finished, which may take as long as an index takes to build. A caller that leaves does not stop it.
   *  @throws HF_CONSOLE_NO_ADVISOR, HF_CONSOLE_CONFIRMATION, HF_CONSOLE_BUSY, and what the advisor throws. */
  run(id: string, action: FindingActionName, confirmation: unknown): Promise<void>
}

/** Actions over an advisor, one at a time.
 *  @param needsConfirmation whether apply and revert want the finding's id typed */
export function createFindingActions(advisor: AdvisorPort | undefined, needsConfirmation: boolean): FindingActions {
  let running: string | undefined

  const port = (): AdvisorPort => {
    if (advisor === undefined) throw consoleErrors.create('HF_CONSOLE_NO_ADVISOR', 'there are no findings here')
    return advisor
  }

  return {
    async detail(id, role) {
      const finding = await port().finding(id)
      const actions = hasRole(role, 'operate') ? ACTIONS[finding.state] : []
      return { schema: 'holdfast.finding/1', finding, actions, confirmation: needsConfirmation ? id : null }
    },
    async run(id, action, confirmation) {
      const target = port()
      if (needsConfirmation && action !== 'verify' && confirmation !== id) {
        throw consoleErrors.create('HF_CONSOLE_CONFIRMATION', `to ${action}, confirm with the text ${id}`)
      }
      if (running !== undefined) throw consoleErrors.create('HF_CONSOLE_BUSY', `${running} is running`)
      running = `${action} ${id}`
      try {
        await target[action](id)
      } finally {
        running = undefined
      }
    },
  }
}
