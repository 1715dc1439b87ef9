import type { RuleFacts } from '../facts/rule-facts.ts'
import { countText, shareText } from '../figure-text.ts'
import { quoteQualified } from '../identifier.ts'
import type { TableHealthRow } from '../sql/table-health.sql.ts'
import { judgeKnown, manualChange, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Updates from which on a ratio of them means something: at 10,000 its standard error is below half a percent. */
export const LEAST_UPDATES = 10_000

/** Half of the updates write every index anew. A table of which fewer do is not one that HOT has been lost on. */
export const LOW_HOT_RATIO = 0.5

/** Rule `pg/low-hot-ratio`: most updates of the table are not heap-only, so that each writes every index. Either they change an indexed column, or their
 *  page has no room; from 16 on the server counts the second. @source PostgreSQL 18, "Heap-Only Tuples" */
export const lowHotRatio: Rule = {
  name: 'pg/low-hot-ratio',
  judge: facts =>
    judgeKnown(facts.tables, tables =>
      tables
        .filter(table => table.kind === 'r' && table.updateCount >= LEAST_UPDATES && table.hotUpdateCount / table.updateCount < LOW_HOT_RATIO)
        .filter(table => indexCount(table, facts) > 0)
        .map(table => findingFor(table, facts)),
    ),
}

function findingFor(table: TableHealthRow, facts: RuleFacts): RuleFinding {
  const { schema, name, updateCount, hotUpdateCount, newPageUpdateCount } = table
  const hotRatio = hotUpdateCount / updateCount
  const newPageRatio = newPageUpdateCount === null ? undefined : newPageUpdateCount / updateCount
  const touched = touchedIndexes(table, facts)
  const fillfactor = Number(optionOf(table, 'fillfactor') ?? 100)
  const isRoom = newPageRatio !== undefined && newPageRatio >= (1 - hotRatio) / 2
  const figures = [
    { name: 'HOT updates', value: `${shareText(hotRatio)} of ${countText(updateCount)} since the counters were reset` },
    { name: 'Updates that went to another page', value: newPageRatio === undefined ? 'not counted before PostgreSQL 16' : shareText(newPageRatio) },
    { name: 'Indexes that each other update writes', value: countText(indexCount(table, facts)) },
    { name: 'fillfactor', value: String(fillfactor) },
    ...(touched.length === 0 ? [] : [{ name: 'Indexes on columns that the window’s updates set', value: touched.join(', ') }]),
  ]
  const room = { sql: [`ALTER TABLE ${quoteQualified(schema, name)} SET (fillfactor = ${Math.max(50, fillfactor - 15)})`], risk: 'low' as const }
  return {
    subject: `${schema}.${name}`,
    title: `only ${shareText(hotRatio)} of the updates of ${name} are HOT`,
    severity: 'warning',
    evidence: objectEvidence(`${schema}.${name}`, figures, updateCount),
    recommendation: manualChange({
      ...(isRoom ? room : { risk: 'medium' }),
      summary: isRoom
        ? `leave room in the pages of ${name}: ${shareText(newPageRatio)} of the updates found none; only pages written from then on have it`
        : touched.length > 0
          ? `see whether ${touched.join(', ')} is worth an update of every index: its column is what the updates set`
          : `find which indexed column the updates of ${name} change, and whether its index is worth that; if none is changed, lower fillfactor`,
      costNote: isRoom
        ? `the table grows by about ${Math.round((15 / fillfactor) * 100)} % as it is rewritten`
        : 'reads that use the index become slower without it',
      lockNote: isRoom ? 'ALTER TABLE ... SET (fillfactor): SHARE UPDATE EXCLUSIVE for a moment; reads and writes go on' : 'none by itself',
      confidence: isRoom || touched.length > 0 ? 'medium' : 'low',
      why: 'the counters are of all time: whether it helped shows only after a rewrite and a reset of the counters',
    }),
    change: { kind: 'manual' },
  }
}

function touchedIndexes({ oid }: TableHealthRow, { parsed, catalog, indexes }: RuleFacts): string[] {
  const set = new Set<string>()
  for (const statement of parsed.values()) {
    if (statement.kind !== 'update' || statement.target === undefined || catalog.table(statement.target)?.oid !== oid) continue
    for (const column of statement.setColumns) set.add(column)
  }
  if (!indexes.known) return []
  return indexes.value
    .filter(index => index.tableOid === oid && [...index.columns, ...index.included].some(column => set.has(column)))
    .map(index => index.name)
}

function indexCount({ oid }: TableHealthRow, { indexes }: RuleFacts): number {
  return indexes.known ? indexes.value.filter(index => index.tableOid === oid).length : 0
}

/** A storage parameter of the table, as text; `undefined` where the server's default holds. */
export function optionOf({ options }: Pick<TableHealthRow, 'options'>, name: string): string | undefined {
  return options?.find(option => option.startsWith(`${name}=`))?.slice(name.length + 1)
}
