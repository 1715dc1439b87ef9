import type { Finding } from 'holdfast/core'
import type { FindingSummary } from '../api/contract.ts'

const FIX_FIRST_SHOWN = 5

/** What a list shows of a finding. */
export function summarise(finding: Finding): FindingSummary {
  const { id, rule, title, state, savesMsPerSec, evidence, verification } = finding
  return {
    id,
    rule,
    title,
    state,
    savesMsPerSec,
    shareOfTime: evidence.shareOfTime,
    sampleCount: evidence.before.sampleCount,
    verdict: verification?.verdict ?? null,
  }
}

/** The findings by the time they save, most first. */
export function rankFindings(findings: readonly Finding[]): Finding[] {
  return findings.toSorted((a, b) => b.savesMsPerSec - a.savesMsPerSec || a.id.localeCompare(b.id))
}

/** The few that still need somebody: open, regressed, or applied and not proven yet. */
export function fixFirst(findings: readonly Finding[]): FindingSummary[] {
  const waiting = findings.filter(({ state }) => state === 'open' || state === 'regressed' || state === 'applied')
  return rankFindings(waiting).slice(0, FIX_FIRST_SHOWN).map(summarise)
}
