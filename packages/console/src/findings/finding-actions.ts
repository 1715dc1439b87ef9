import type { Finding } from 'holdfast/core'
import type { AdviceAnswer, FindingDetail, SnoozeRequest } from '../api/contract.ts'
import { hasRole, type Role } from '../auth/console-auth.ts'
import { consoleErrors } from '../errors.ts'
import { oneAtATime } from '../one-at-a-time.ts'
import type { AdvisorPort } from './advisor-port.ts'

/** What can be done with a finding. */
export type FindingActionName = 'apply' | 'verify' | 'revert'

type OfferedAction = FindingDetail['actions'][number]

const ACTIONS: Readonly<Record<Finding['state'], readonly OfferedAction[]>> = {
  open: ['apply', 'snooze'],
  snoozed: ['apply', 'snooze'],
  applied: ['verify', 'revert'],
  verified: ['verify', 'revert'],
  regressed: ['revert'],
  gone: [],
}

/** What the caller may do with the finding as it stands.
 *  @param needsConfirmation whether apply and revert want the finding's id typed
 *  @param isOwn whether the console found it by itself: nobody keeps those, so they cannot be put aside */
export function describeFinding(finding: Finding, role: Role, needsConfirmation: boolean, isOwn: boolean): FindingDetail {
  // What is a change of the code, or one that only people make, is made there.
  const isHere = finding.recommendation.option === undefined && finding.recommendation.manual === undefined
  const possible = hasRole(role, 'operate') ? ACTIONS[finding.state] : []
  const actions = possible.filter(action => (action === 'snooze' ? !isOwn : isHere))
  return { schema: 'holdfast.finding/1', finding, actions, confirmation: needsConfirmation ? finding.id : null }
}

const REFUSED_SHOWN = 5

/** Runs actions, one at a time. */
export interface FindingActions {
  /** Resolves when the action is finished, which may take as long as an index takes to build. A caller that leaves does not stop it.
   *  @throws HF_CONSOLE_NO_ADVISOR, HF_CONSOLE_CONFIRMATION, HF_CONSOLE_BUSY, and what the advisor throws. */
  run(id: string, action: FindingActionName, confirmation: unknown): Promise<void>
  /** Puts a finding aside for a time. @throws HF_CONSOLE_NO_ADVISOR, HF_CONSOLE_BUSY, and what the advisor throws. */
  snooze(id: string, request: SnoozeRequest): Promise<void>
  /** Looks for advice. @throws HF_CONSOLE_NO_ADVISOR, HF_CONSOLE_BUSY, and what the advisor throws. */
  advise(): Promise<AdviceAnswer>
}

/** Actions over an advisor.
 *  @param needsConfirmation whether apply and revert want the finding's id typed */
export function createFindingActions(advisor: AdvisorPort | undefined, needsConfirmation: boolean): FindingActions {
  const known = (): AdvisorPort => {
    if (advisor === undefined) throw consoleErrors.create('HF_CONSOLE_NO_ADVISOR', 'there are no findings here')
    return advisor
  }
  const alone = oneAtATime()

  return {
    async run(id, action, confirmation) {
      const port = known()
      if (needsConfirmation && action !== 'verify' && confirmation !== id) {
        throw consoleErrors.create('HF_CONSOLE_CONFIRMATION', `to ${action}, confirm with the text ${id}`)
      }
      await alone(`${action} ${id}`, () => port[action](id))
    },
    async snooze(id, { for: duration, reason }) {
      const port = known()
      await alone(`snooze ${id}`, () => port.snooze(id, duration, reason))
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
