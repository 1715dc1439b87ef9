import type { Finding } from 'holdfast/core'
import type { AdviceAnswer, FindingDetail } from '../api/contract.ts'
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
  // What is a change of the code, or one that only people make, is made there.
  const isHere = finding.recommendation.option === undefined && finding.recommendation.manual === undefined
  const actions = isHere && hasRole(role, 'operate') ? ACTIONS[finding.state] : []
  return { schema: 'holdfast.finding/1', finding, actions, confirmation: needsConfirmation ? finding.id : null }
}

const REFUSED_SHOWN = 5

/** Runs actions, one at a time. */
export interface FindingActions {
  /** Resolves when the action is finished, which may take as long as an index takes to build. A caller that leaves does not stop it.
   *  @throws HF_CONSOLE_NO_ADVISOR, HF_CONSOLE_CONFIRMATION, HF_CONSOLE_BUSY, and what the advisor throws. */
  run(id: string, action: FindingActionName, confirmation: unknown): Promise<void>
  /** Looks for advice. @throws HF_CONSOLE_NO_ADVISOR, HF_CONSOLE_BUSY, and what the advisor throws. */
  advise(): Promise<AdviceAnswer>
}

/** Actions over an advisor.
 *  @param needsConfirmation whether apply and revert want the finding's id typed */
export function createFindingActions(advisor: AdvisorPort | undefined, needsConfirmation: boolean): FindingActions {
  let running: string | undefined

  const known = (): AdvisorPort => {
    if (advisor === undefined) throw consoleErrors.create('HF_CONSOLE_NO_ADVISOR', 'there are no findings here')
    return advisor
  }
  const alone = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
    if (running !== undefined) throw consoleErrors.create('HF_CONSOLE_BUSY', `${running} is running`)
    running = what
    try {
      return await work()
    } finally {
      running = undefined
    }
  }

  return {
    async run(id, action, confirmation) {
      const port = known()
      if (needsConfirmation && action !== 'verify' && confirmation !== id) {
        throw consoleErrors.create('HF_CONSOLE_CONFIRMATION', `to ${action}, confirm with the text ${id}`)
      }
      await alone(`${action} ${id}`, () => port[action](id))
    },
    async advise() {
      const port = known()
      const { findings, examinedCount, refused, notes } = await alone('the search for advice', () => port.advise())
      return {
        schema: 'holdfast.advice-answer/1',
        findingCount: findings.length,
        examinedCount,
        refused: refused.slice(0, REFUSED_SHOWN).map(({ statement, why }) => ({ statement, why })),
        notes,
      }
    },
  }
}
