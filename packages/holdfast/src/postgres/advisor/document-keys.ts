import type { Candidate } from './candidates.ts'
import type { Catalog, ColumnFacts, TableFacts } from './catalog.ts'
import { type AdvisorClient, readRows } from './client.ts'
import type { ExaminedStatement } from './examined.ts'
import type { ParsedStatement } from './predicates.ts'
import { resolveColumn } from './resolve-column.ts'
import { type DocumentKeyRow, documentKeys } from './sql/document-keys.sql.ts'

/** Rows of a table that are enough to know the keys of its documents. */
const SAMPLED_ROWS = 500

/** From here on a text is prose, characters: longer than any identifier, address or name. */
const PROSE_LENGTH = 64

/** Blanks in a text of more words than a name or a state has. */
const PROSE_BLANKS = 1.5

/** A key of the documents in a column. */
export interface DocumentKey {
  readonly key: string
  /** Whether it holds what people read: a title, a message. Of keys that find as few rows it is the one hardly asked for. */
  readonly isProse: boolean
}

/** Factor within which the rows that a key finds are those that live calls return. */
const LIKE_FACTOR = 1.7

/** The keys of the documents from which statements take a value to compare, by column: `settings->>$2 = $1`, as pg_stat_statements shows `settings->>'sso' = $1`.
 *  1 round trip for each such column. */
export async function readDocumentKeys(
  client: AdvisorClient,
  statements: readonly ExaminedStatement[],
  catalog: Catalog,
): Promise<ReadonlyMap<ColumnFacts, readonly DocumentKey[]>> {
  const asked = new Map<ColumnFacts, TableFacts>()
  for (const { parsed } of statements) {
    for (const use of parsed.params.values()) {
      const found = use.kind === 'column' && use.operator === 'json-key' ? resolveColumn(use.scope, use.column, catalog) : undefined
      if (found?.column.type === 'jsonb' && found.table.mayRead && !found.table.isLocked) asked.set(found.column, found.table)
    }
  }
  const keys = new Map<ColumnFacts, readonly DocumentKey[]>()
  for (const [column, { schema, name, rowCount }] of asked) {
    const percent = rowCount <= SAMPLED_ROWS * 4 ? 100 : Math.min(100, (SAMPLED_ROWS * 400) / rowCount)
    const rows = await readRows<DocumentKeyRow>(client, documentKeys(schema, name, column.name, percent))
    keys.set(
      column,
      rows.map(({ key, length, blanks }) => ({ key, isProse: length > PROSE_LENGTH || blanks >= PROSE_BLANKS })),
    )
  }
  return keys
}

/** The candidates whose key the calls that were seen name, and those without a key. */
export function withSeenKey({ parsed, binds }: ExaminedStatement, candidates: readonly Candidate[]): readonly Candidate[] {
  const seen = new Set((binds ?? []).map(({ values }) => values[(keyParamOf(parsed) ?? 0) - 1]))
  return candidates.filter(({ documentKey }) => documentKey === undefined || (seen.size === 1 && seen.has(documentKey)))
}

/** Of the keys, each with the rows that sets of parameters with it returned, the only one with which they are about as many as live calls return; of several the only one
 *  that is not of `prose`. `undefined` when several or none are left. */
export function keyByRows(
  rowsByKey: ReadonlyMap<string, readonly number[]>,
  rowsPerCall: number | undefined,
  prose: ReadonlySet<string> = new Set(),
): string | undefined {
  if (rowsPerCall === undefined) return undefined
  // A look for what may not be there returns nothing at times, and yet a row where it is.
  const wanted = Math.max(1, rowsPerCall)
  const alike = [...rowsByKey].filter(([, rows]) => {
    const mean = rows.reduce((sum, count) => sum + count, 0) / rows.length
    return rows.length > 0 && Math.abs(Math.log((mean + 0.5) / (wanted + 0.5))) < Math.log(LIKE_FACTOR)
  })
  const plain = alike.filter(([key]) => !prose.has(key))
  const [found, ...more] = alike.length === 1 ? alike : plain
  return more.length === 0 ? found?.[0] : undefined
}

function keyParamOf({ params }: ParsedStatement): number | undefined {
  return [...params].find(([, use]) => use.kind === 'column' && use.operator === 'json-key')?.[0]
}
