import type { ReactElement } from 'react'
import type { FindingSummary } from '../../../src/api/contract.ts'
import { Mark, type Tone } from './mark.tsx'

type State = FindingSummary['state']
type Verdict = NonNullable<FindingSummary['verdict']>

const STATES: Readonly<Record<State, readonly [Tone, string]>> = {
  open: ['warn', 'open'],
  snoozed: ['quiet', 'snoozed'],
  applied: ['quiet', 'applied, measuring'],
  verified: ['quiet', 'verified'],
  regressed: ['bad', 'regressed'],
  gone: ['quiet', 'no longer seen'],
}

const VERDICTS: Readonly<Record<Verdict, readonly [Tone, string]>> = {
  fixed: ['ok', 'fixed'],
  'no effect': ['warn', 'no effect'],
  regressed: ['bad', 'regressed'],
  undecided: ['quiet', 'undecided, needs more traffic'],
}

/** Where a finding stands; once it was measured, the verdict. */
export function StateMark({ state, verdict }: { readonly state: State; readonly verdict: Verdict | null }): ReactElement {
  const decided = verdict !== null && state !== 'open' && state !== 'snoozed'
  const [tone, word] = decided ? VERDICTS[verdict] : STATES[state]
  return <Mark tone={tone}>{word}</Mark>
}
