import { createJudgedFindings, type JudgedFindings } from '../judged-findings.ts'
import type { RepeatView } from './repeat-view.ts'
import { repeatedStatement } from './repeated-statement.ts'

/** What the console found about statements that requests repeat. */
export type RepeatFindings = JudgedFindings<RepeatView>

/** An empty book of them. */
export function createRepeatFindings(): RepeatFindings {
  return createJudgedFindings({ rules: [repeatedStatement], idPrefix: 'N', goneNote: 'no such requests for 15 minutes' })
}
