import { type Finding, moveFinding } from 'holdfast/core'
import type { InstanceJobs } from '../../collect/collector.ts'

/** Several looks of an instance, which come every five seconds, a quarter more or less: what none of them saw is no longer so. */
const UNSEEN_MS = 20_000
/** Findings kept; those that were seen longest ago make room. */
const FINDING_LIMIT = 100
/** Lines of history kept of one finding. */
const HISTORY_LIMIT = 50

/** What the instances say of their queues, with a history: a finding is open while one of them sees it, and gone when none has for a while. */
export interface JobFindings {
  /** Takes what the instances say now. An instance that is away says nothing, so while none answers everything stays as it was. */
  note(instances: readonly InstanceJobs[], atMs: number): void
  findings(): readonly Finding[]
  finding(id: string): Finding | undefined
}

/** None yet. In memory: what is still so is found again after a restart. */
export function createJobFindings(): JobFindings {
  const known = new Map<string, { finding: Finding; seenAtMs: number }>()

  const see = (seen: Finding, atMs: number): void => {
    const before = known.get(seen.id)?.finding
    const again = before?.state === 'gone' ? moveFinding(before, 'open', `found again: ${seen.title}`, atMs) : before
    const history = again?.history.slice(-HISTORY_LIMIT) ?? [{ atMs, state: 'open' as const, note: `found: ${seen.title}` }]
    // Anew, so that the order is that of the last sight.
    known.delete(seen.id)
    known.set(seen.id, { finding: { ...seen, state: 'open', history }, seenAtMs: atMs })
  }

  return {
    note(instances, atMs) {
      if (instances.length === 0) return
      // Of several that see the same, the one that saw most of it.
      const seen = instances.flatMap(({ state }) => state.findings).toSorted((a, b) => a.evidence.before.sampleCount - b.evidence.before.sampleCount)
      for (const finding of new Map(seen.map(one => [one.id, one])).values()) see(finding, atMs)
      for (const [id, { finding, seenAtMs }] of known) {
        if (finding.state === 'gone' || atMs - seenAtMs < UNSEEN_MS) continue
        known.set(id, { finding: moveFinding(finding, 'gone', 'no instance sees it any more', atMs), seenAtMs })
      }
      for (const id of [...known.keys()].slice(0, Math.max(0, known.size - FINDING_LIMIT))) known.delete(id)
    },
    // In an order that stays, whoever was seen last.
    findings: () => [...known.values()].map(({ finding }) => finding).toSorted((a, b) => a.id.localeCompare(b.id)),
    finding: id => known.get(id)?.finding,
  }
}
