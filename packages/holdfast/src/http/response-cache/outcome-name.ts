import type { Outcome } from './respond.ts'

/** How an answer came about, in one word of a known set: what a handler writes is never a label. */
export function outcomeName(outcome: Outcome): string {
  if (outcome.kind === 'hit') return outcome.ttlSec < 0 ? 'stale' : 'hit'
  if (outcome.kind === 'refused') return 'refused'
  const { why, status, isStored, isCollapsed, detail } = outcome
  if (isCollapsed) return 'collapsed'
  if (isStored) return status === 304 ? 'revalidated' : 'miss'
  return `bypass:${detail ?? WHY[why] ?? 'other'}`
}

/** Reasons of what was passed on without a word about its storage. */
const WHY: Readonly<Record<string, string>> = {
  bypass: 'precondition',
  method: 'method',
  'uri-miss': 'not-kept',
  'vary-miss': 'not-kept',
  partial: 'not-kept',
  stale: 'not-kept',
  request: 'not-kept',
}
