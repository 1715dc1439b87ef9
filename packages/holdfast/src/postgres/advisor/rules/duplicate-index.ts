import { bytesText, countText } from '../figure-text.ts'
import type { IndexHealthRow } from '../sql/index-health.sql.ts'
import { dropIndex } from './drop-index.ts'
import { judgeKnown, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Rule `pg/duplicate-index`: another index answers everything that this one answers. Compared are the parsed keys with operator class, collation,
 *  direction and place of nulls, the predicate, the method and the included columns; never the text of the definition. One that enforces something stays.
 *  There is no threshold: a twin saves nothing at any size. */
export const duplicateIndex: Rule = {
  name: 'pg/duplicate-index',
  judge: ({ indexes }) => judgeKnown(indexes, rows => judgeTables(rows)),
}

function judgeTables(rows: readonly IndexHealthRow[]): RuleFinding[] {
  const byTable = new Map<number, IndexHealthRow[]>()
  for (const index of rows) {
    if (!index.isValid || index.isPartitioned) continue
    byTable.set(index.tableOid, [...(byTable.get(index.tableOid) ?? []), index])
  }
  return [...byTable.values()].flatMap(judgeTable)
}

function judgeTable(indexes: readonly IndexHealthRow[]): RuleFinding[] {
  const dropped = new Set<IndexHealthRow>()
  const keepersOf = (index: IndexHealthRow): IndexHealthRow[] =>
    indexes.filter(other => other !== index && !dropped.has(other) && serves(other, index)).sort(bestFirst)
  // The narrow and the young first, so that of two twins the older one stays.
  for (const index of indexes.toSorted((a, b) => a.keys.length - b.keys.length || b.oid - a.oid)) if (keepersOf(index).length > 0) dropped.add(index)
  // Named only now, when it is known which stay: one that serves another may itself be served.
  return [...dropped].flatMap(index =>
    keepersOf(index)
      .slice(0, 1)
      .map(keeper => findingFor(index, keeper)),
  )
}

function bestFirst(a: IndexHealthRow, b: IndexHealthRow): number {
  return Number(b.isNeeded) - Number(a.isNeeded) || a.sizeBytes - b.sizeBytes || a.oid - b.oid
}

/** True when every read that `index` serves is served by `other`, and dropping `index` gives up nothing that it enforces. */
export function serves(other: IndexHealthRow, index: IndexHealthRow): boolean {
  if (index.isNeeded || other.method !== index.method || other.predicate !== index.predicate) return false
  const sameLength = other.keys.length === index.keys.length
  // A unique index enforces its very keys: only one that enforces the same makes it needless.
  if (index.isUnique && !(sameLength && other.isUnique && other.nullsNotDistinct === index.nullsNotDistinct)) return false
  // Only btree reads by a leading part of its keys as well as by all.
  if (!sameLength && (index.method !== 'btree' || other.keys.length < index.keys.length)) return false
  if (index.keys.some((key, at) => other.keys[at] !== key || other.traits[at] !== index.traits[at])) return false
  const carried = new Set([...other.keys, ...other.included])
  return index.included.every(column => carried.has(column))
}

function findingFor(index: IndexHealthRow, keeper: IndexHealthRow): RuleFinding {
  const isTwin = index.keys.length === keeper.keys.length
  const times = index.sizeBytes > 0 ? keeper.sizeBytes / index.sizeBytes : 1
  const { change, recommendation } = dropIndex(index, {
    summary: `Drop ${index.name}: ${keeper.name} ${isTwin ? 'has the same keys' : 'begins with the same keys'} and serves its reads`,
    costNote: `frees ${bytesText(index.sizeBytes)} and one index write a row${isTwin ? '' : `; reads move to an index of ${bytesText(keeper.sizeBytes)}, ${times.toFixed(1)} x the size`}`,
    // A read of a wider index touches more blocks where it reads ranges.
    risk: isTwin ? 'low' : times > 2 ? 'medium' : 'low',
    confidence: isTwin ? 'high' : 'medium',
    scansMatter: false,
  })
  const figures = [
    { name: 'This one', value: `${index.name}, ${bytesText(index.sizeBytes)}, ${countText(index.scanCount)} scans` },
    { name: 'Stays', value: `${keeper.name}, ${bytesText(keeper.sizeBytes)}, ${countText(keeper.scanCount)} scans: ${keeper.definition}` },
    { name: 'Compared', value: 'keys, operator class, collation, direction, nulls, predicate, method, INCLUDE' },
  ]
  return {
    subject: `${index.schema}.${index.name}`,
    title: `index ${index.name} on ${index.table} is ${isTwin ? 'a duplicate of' : 'the beginning of'} ${keeper.name}, ${bytesText(index.sizeBytes)}`,
    severity: 'info',
    evidence: objectEvidence(index.definition, figures, index.scanCount),
    recommendation,
    change,
    target: { schema: index.schema, table: index.table, indexName: index.name },
  }
}
