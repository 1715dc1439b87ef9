import type { Finding } from '../../core/index.ts'

const RANK: Readonly<Record<NonNullable<Finding['severity']>, number>> = { critical: 0, warning: 1, info: 2 }

/** Order of findings: what ends in an outage before all else, then by the time that mending saves, then warnings before notes. */
export function bySeverityThenTime(a: Finding, b: Finding): number {
  const critical = Number(b.severity === 'critical') - Number(a.severity === 'critical')
  return critical || b.savesMsPerSec - a.savesMsPerSec || RANK[a.severity ?? 'warning'] - RANK[b.severity ?? 'warning'] || a.id.localeCompare(b.id)
}
