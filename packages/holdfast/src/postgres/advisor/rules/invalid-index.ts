import type { RuleFacts } from '../facts/rule-facts.ts'
import { bytesText, countText } from '../figure-text.ts'
import type { IndexHealthRow } from '../sql/index-health.sql.ts'
import { dropIndex } from './drop-index.ts'
import { objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Rule `pg/invalid-index`: a concurrent build failed and left an index that no read uses and every write maintains. No threshold: it never becomes valid by
 *  itself. @source PostgreSQL 18, CREATE INDEX, "Building Indexes Concurrently" */
export const invalidIndex: Rule = {
  name: 'pg/invalid-index',
  judge({ indexes, tables }) {
    if (!indexes.known) return { findings: [], unknown: [indexes] }
    const invalid = indexes.value.filter(index => !index.isValid && !index.isPartitioned)
    const busy = invalid.filter(index => index.mayBeBuilding)
    return {
      findings: invalid.filter(index => !index.mayBeBuilding).map(index => findingFor(index, indexes.value, tables)),
      unknown: busy.map(index => ({
        why: `${index.name} is not valid, but a build or a VACUUM holds a lock on ${index.table}: it may be in the making`,
      })),
    }
  },
}

function findingFor(index: IndexHealthRow, all: readonly IndexHealthRow[], tables: RuleFacts['tables']): RuleFinding {
  const table = tables.known ? tables.value.find(({ oid }) => oid === index.tableOid) : undefined
  const writes = table === undefined ? 0 : table.insertCount + table.updateCount
  const twin = all.find(other => other.isValid && other.tableOid === index.tableOid && other.keys.join() === index.keys.join())
  const { change, recommendation } = dropIndex(index, {
    summary: `Drop ${index.name}${twin === undefined ? '; build it again if a statement needs it' : `: ${twin.name} has the same keys and is valid`}`,
    costNote: `frees ${bytesText(index.sizeBytes)} and one index write a row`,
    risk: 'low',
    confidence: 'high',
    scansMatter: false,
  })
  const figures = [
    { name: 'State', value: 'INVALID (indisvalid is false): no read uses it' },
    { name: 'Size', value: bytesText(index.sizeBytes) },
    { name: 'Writes that maintain it', value: `${countText(writes)} rows inserted or updated since the counters were reset` },
  ]
  return {
    subject: `${index.schema}.${index.name}`,
    title: `index ${index.name} on ${index.table} is INVALID: no read uses it, every write maintains it`,
    severity: 'warning',
    evidence: objectEvidence(index.definition, figures, writes),
    recommendation,
    change: { ...change },
    target: { schema: index.schema, table: index.table, indexName: index.name },
  }
}
