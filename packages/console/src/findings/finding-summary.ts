import type { Finding } from 'holdfast/core'
import { bySeverityThenTime } from 'holdfast/postgres'
import type { FindingSummary } from '../api/contract.ts'

const FIX_FIRST_SHOWN = 5

/** What a list shows of a finding. */
export function summarise(finding: Finding): FindingSummary {
  const { id, rule, title, state, severity = null, savesMsPerSec, evidence, verification } = finding
  return {
    id,
    rule,
    title,
    state,
    severity,
    isOfObject: evidence.of === 'object',
    savesMsPerSec,
    shareOfTime: evidence.shareOfTime,
    sampleCount: evidence.before.sampleCount,
    verdict: verification?.verdict ?? null,
  }
}

/** The findings: what ends in an outage first, then by the time they save. */
export function rankFindings(findings: readonly Finding[]): Finding[] {
  return findings.toSorted(bySeverityThenTime)
}

/** The few that still need somebody: open, regressed, or applied and not proven yet. */
export function fixFirst(findings: readonly Finding[]): FindingSummary[] {
  const waiting = findings.filter(({ state }) => state === 'open' || state === 'regressed' || state === 'applied')
  return rankFindings(waiting).slice(0, FIX_FIRST_SHOWN).map(summarise)
}
