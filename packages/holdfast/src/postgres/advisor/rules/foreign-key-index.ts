import type { OfferedIndex, RuleFacts } from '../facts/rule-facts.ts'
import { bytesText, countText, msText } from '../figure-text.ts'
import { quoteIdent } from '../identifier.ts'
import { type IndexKey, indexNameFor, keyListSql } from '../index-definition.ts'
import { BUILD_LOCK_NOTE, indexSql, measurementOf } from '../missing-index-finding.ts'
import type { ForeignKeyRow } from '../sql/foreign-keys.sql.ts'
import type { IndexHealthRow } from '../sql/index-health.sql.ts'
import { objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Rows from which on a scan of the referencing table is felt: about 1 ms, on the machines that the advisor was measured on, for each row deleted.
 *  Below it the index would cost writers more than it saves. */
export const LEAST_ROWS = 10_000

/** Rule `pg/foreign-key-index`: rows of the table that a foreign key points to are deleted, or their key is changed, and each time the whole referencing
 *  table is read. A foreign key whose target never loses a row needs no index, and one that an index of the offered set would serve is left to that. */
export const foreignKeyIndex: Rule = {
  name: 'pg/foreign-key-index',
  judge(facts) {
    const { foreignKeys, indexes, offered } = facts
    if (!foreignKeys.known) return { findings: [], unknown: [foreignKeys] }
    if (!indexes.known) return { findings: [], unknown: [indexes] }
    const found = foreignKeys.value
      .filter(key => key.kind === 'r' && key.rowCount >= LEAST_ROWS && !indexes.value.some(index => covers(index, key)))
      .filter(key => !offered.some(index => wouldCover(index, key)))
      .map(key => ({ key, queryIds: changersOf(key, facts) }))
      .filter(({ key, queryIds }) => key.parentDeleteCount > 0 || queryIds.length > 0)
    return { findings: found.map(({ key, queryIds }) => findingFor(key, queryIds, facts)), unknown: [] }
  },
}

/** True when the index leads with the columns, in whatever order, for all rows that can match. */
export function covers(index: IndexHealthRow, { tableOid, columns }: Pick<ForeignKeyRow, 'tableOid' | 'columns'>): boolean {
  if (index.tableOid !== tableOid || !index.isValid || index.method !== 'btree') return false
  const leading = index.keys.slice(0, columns.length)
  const quoted = columns.map(quoteIdent)
  if (leading.length < columns.length || !quoted.every(column => leading.includes(column))) return false
  // The check looks for equal values, so rows with NULL may be missing.
  return index.predicate === null || quoted.some(column => index.predicate === `(${column} IS NOT NULL)`)
}

/** As `covers`, of an index that is not there yet. */
export function wouldCover(index: OfferedIndex, { schema, table, columns }: Pick<ForeignKeyRow, 'schema' | 'table' | 'columns'>): boolean {
  const { keys, method = 'btree', where = [] } = index
  if (index.schema !== schema || index.table !== table || method !== 'btree') return false
  const leading = keys.slice(0, columns.length)
  const isLeading = (column: string): boolean => leading.some(({ name, expression }) => name === column && expression === undefined)
  return columns.every(isLeading) && where.every(condition => columns.some(column => condition === `${quoteIdent(column)} IS NOT NULL`))
}

/** Statements of the window that delete from the target, or change its key. */
function changersOf({ parentSchema, parentTable, parentColumns }: ForeignKeyRow, { parsed, catalog }: RuleFacts): string[] {
  return [...parsed].flatMap(([queryId, statement]) => {
    if (statement.kind !== 'delete' && statement.kind !== 'update') return []
    const target = statement.target === undefined ? undefined : catalog.table(statement.target)
    if (target?.schema !== parentSchema || target.name !== parentTable) return []
    const isChange = statement.kind === 'delete' || statement.setColumns.some(column => parentColumns.includes(column))
    return isChange ? [queryId] : []
  })
}

function findingFor(key: ForeignKeyRow, queryIds: readonly string[], facts: RuleFacts): RuleFinding {
  const { schema, table, columns, parentTable } = key
  const { server, windows, windowMs } = facts
  const keys: IndexKey[] = columns.map(name => ({ name, descending: false, nulls: 'last' }))
  const indexName = indexNameFor(table, { keys })
  const changers = queryIds.map(queryId => windows.get(queryId)).filter(window => window !== undefined)
  const heapBytes = key.pageCount * server.blockBytes
  // Entry of a btree: 8 bytes of header, 4 of line pointer, the key of about 8, a tenth of air. @source PostgreSQL 18, nbtree README and fillfactor 90
  const sizeBytes = (key.rowCount * (12 + 8 * columns.length)) / 0.9
  const deletes = changers.map(window => `${countText(window.calls)} calls, mean ${msText(window.meanMs)}`).join('; ')
  const figures = [
    { name: 'Rows read for each row deleted', value: `${countText(key.rowCount)} (${bytesText(heapBytes)})` },
    { name: `Rows deleted from ${parentTable}`, value: `${countText(key.parentDeleteCount)} since the counters were reset` },
    ...(deletes === '' ? [] : [{ name: 'Statements that do it, in the window', value: deletes }]),
  ]
  const evidence = objectEvidence(
    `${schema}.${table}: foreign key ${key.name} (${columns.join(', ')}) -> ${key.parentSchema}.${parentTable}`,
    figures,
    key.parentDeleteCount,
    windowMs,
  )
  return {
    subject: `${schema}.${table}.${key.name}`,
    title: `foreign key ${key.name} has no index: each row deleted from ${parentTable} reads the ${countText(key.rowCount)} rows of ${table}`,
    severity: 'warning',
    evidence: changers[0] === undefined ? evidence : { ...evidence, before: measurementOf(changers[0], windowMs) },
    recommendation: {
      ...indexSql(schema, table, { keys }, indexName),
      summary: `Index ${table}(${keyListSql(keys)}), so that the check of the foreign key reads only the rows that refer to the deleted one`,
      costNote: `about ${bytesText(sizeBytes)} on disk by the number of rows, and one more index to write for each row of ${table}`,
      lockNote: BUILD_LOCK_NOTE,
      risk: 'low',
      confidence: changers.length > 0 ? 'high' : 'medium',
    },
    target: { schema, table, indexName, keys },
    queryIds,
  }
}
