import type { EvidenceTier, Finding, PredictedRange } from '../../core/index.ts'
import type { FoundIndex } from './rules/missing-index.ts'

/** A statement that the set of indexes serves, with what it took and takes on the copy when the whole set is in place. */
export interface ServedReport {
  readonly queryId: string
  /** Normalised text. */
  readonly statement: string
  readonly calls: number
  /** Mean of the live calls in the window, ms. */
  readonly meanMs: number
  /** Time after as a share of the time before, 0..1. */
  readonly ratio: number
  /** Where that lies. */
  readonly ratioRange: PredictedRange
  /** `modeled`: the copy was a sample of a table, so only `ratio` says something. */
  readonly tier: EvidenceTier
  /** Means of one call on the copy, ms; absent when modeled. */
  readonly beforeMs?: number
  readonly afterMs?: number
  readonly savesMsPerSec: number
  /** Findings whose indexes it reads. */
  readonly findingIds: readonly string[]
}

/** The statements that the found indexes serve, those that save most first; `findings` runs parallel to `found`. Pure. */
export function servedStatements(found: readonly FoundIndex[], findings: readonly Finding[]): ServedReport[] {
  const reports = new Map<string, ServedReport>()
  for (const [at, { served, tier }] of found.entries()) {
    const { id } = findings[at]!
    for (const { examined, means, range, savesMsPerSec } of served) {
      const { queryId, calls, meanMs } = examined.window
      const known = reports.get(queryId)
      const times = tier === 'modeled' ? {} : { beforeMs: means.beforeMs, afterMs: means.afterMs }
      reports.set(queryId, {
        ...(known ?? { queryId, statement: examined.parsed.text, calls, meanMs, ratio: means.ratio, ratioRange: range, tier, ...times }),
        savesMsPerSec: (known?.savesMsPerSec ?? 0) + savesMsPerSec,
        findingIds: [...(known?.findingIds ?? []), id],
      })
    }
  }
  return [...reports.values()].sort((a, b) => b.savesMsPerSec - a.savesMsPerSec)
}
