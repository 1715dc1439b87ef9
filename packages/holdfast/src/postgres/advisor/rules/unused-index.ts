import type { RuleFacts } from '../facts/rule-facts.ts'
import { bytesText, countText, spanText } from '../figure-text.ts'
import type { IndexHealthRow } from '../sql/index-health.sql.ts'
import { dropIndex } from './drop-index.ts'
import { objectEvidence, type Rule, type RuleFinding, type RuleVerdict } from './rule.ts'

const DAY_MS = 86_400_000

/** Days without a scan from which on an index is unused: a job that runs once a month has run.
 *  @source pganalyze, "Unused Indexes": 35 days */
export const UNUSED_AFTER_DAYS = 35

/** Smaller ones cost nothing that is noticed. @source pganalyze, "Unused Indexes": 32 kB */
export const LEAST_INDEX_BYTES: number = 32 * 1024

/** Rule `pg/unused-index`: nothing has read the index, here or on a replica, for longer than a month, and it enforces nothing. */
export const unusedIndex: Rule = {
  name: 'pg/unused-index',
  judge(facts) {
    const { indexes, server } = facts
    if (!indexes.known) return cannotSay(indexes.why, indexes.grant)
    const able = indexes.value.filter(mayBeUnused)
    if (able.length === 0) return { findings: [], unknown: [] }
    if (server.isReplica) return cannotSay('this is a standby: the counters of the primary are not here')
    const replicas = facts.replicaScans
    if (!replicas.known) return cannotSay(replicas.why, replicas.grant)
    if (replicas.value.length < server.replicaCount) {
      return cannotSay(
        `${server.replicaCount} replica(s) stream from this server, counters of ${replicas.value.length} are known: give the advisor a connection to each (option replicas)`,
      )
    }
    return judgeAll(able, facts)
  },
}

function judgeAll(able: readonly IndexHealthRow[], facts: RuleFacts): RuleVerdict {
  const findings: RuleFinding[] = []
  let watchedCount = 0
  let fairAtMs = Number.POSITIVE_INFINITY
  const scannedOnReplica = new Set(facts.replicaScans.known ? facts.replicaScans.value.flat().map(row => row.oid) : [])
  for (const index of able) {
    if (scannedOnReplica.has(index.oid)) continue
    const sinceMs = unusedSince(index, facts)
    if (sinceMs === undefined)
      return cannotSay('nothing says since when an index has not been read', facts.indexWatch.known ? undefined : facts.indexWatch.grant)
    if (facts.server.nowMs - sinceMs >= UNUSED_AFTER_DAYS * DAY_MS) findings.push(findingFor(index, sinceMs, facts))
    else if (index.lastScanMs === null) {
      watchedCount += 1
      fairAtMs = Math.min(fairAtMs, sinceMs + UNUSED_AFTER_DAYS * DAY_MS)
    }
  }
  if (watchedCount === 0) return { findings, unknown: [] }
  const why = `${watchedCount} index(es) were not seen to be read, but not for ${UNUSED_AFTER_DAYS} days yet; the first can be judged from ${new Date(fairAtMs).toISOString().slice(0, 10)}`
  return { findings, unknown: [{ why }] }
}

/** Since when the index is known not to have been read: its last scan (16), else since Holdfast watches it, and never before the counters were reset. */
function unusedSince(index: IndexHealthRow, { server, indexWatch }: RuleFacts): number | undefined {
  if (index.lastScanMs !== null) return index.lastScanMs
  const watchedMs = indexWatch.known ? indexWatch.value.get(index.oid) : undefined
  return watchedMs === undefined ? undefined : Math.max(watchedMs, server.statsResetMs ?? 0)
}

function mayBeUnused(index: IndexHealthRow): boolean {
  return index.isValid && !index.isUnique && !index.isNeeded && !index.isPartitioned && index.sizeBytes >= LEAST_INDEX_BYTES
}

function findingFor(index: IndexHealthRow, sinceMs: number, { server, replicaScans, tables }: RuleFacts): RuleFinding {
  const unusedMs = server.nowMs - sinceMs
  const table = tables.known ? tables.value.find(({ oid }) => oid === index.tableOid) : undefined
  const writes = table === undefined ? 0 : table.insertCount + table.updateCount - table.hotUpdateCount
  const { change, recommendation } = dropIndex(index, {
    summary: `Drop ${index.name}: nothing has read it for ${spanText(unusedMs)}`,
    costNote: `frees ${bytesText(index.sizeBytes)} and one write for each row inserted or updated not HOT (${countText(writes)} since the counters were reset)`,
    risk: 'low',
    confidence: index.lastScanMs === null ? 'medium' : 'high',
    scansMatter: true,
  })
  const figures = [
    { name: 'Scans', value: `${countText(index.scanCount)} in all, none for ${spanText(unusedMs)} (needed: ${UNUSED_AFTER_DAYS} days)` },
    { name: 'Last scan', value: index.lastScanMs === null ? 'none known' : new Date(index.lastScanMs).toISOString() },
    { name: 'Size', value: bytesText(index.sizeBytes) },
    { name: 'Replicas looked at', value: `${replicaScans.known ? replicaScans.value.length : 0} of ${server.replicaCount}` },
  ]
  return {
    subject: `${index.schema}.${index.name}`,
    title: `index ${index.name} on ${index.table} is not used: no scan for ${spanText(unusedMs)}, ${bytesText(index.sizeBytes)}`,
    severity: 'info',
    evidence: objectEvidence(index.definition, figures, index.scanCount, unusedMs),
    recommendation,
    change,
    target: { schema: index.schema, table: index.table, indexName: index.name },
  }
}

function cannotSay(why: string, grant?: string): RuleVerdict {
  return { findings: [], unknown: [grant === undefined ? { why } : { why, grant }] }
}
