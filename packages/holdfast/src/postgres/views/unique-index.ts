import { type AdvisorClient, readRows, sqlStateOf } from '../advisor/client.ts'
import { quoteIdent, quoteQualified } from '../advisor/identifier.ts'
import { setLimits } from '../upkeep/upkeep-session.ts'
import { countKeys, type ViewFactsRow } from './sql/view-facts.sql.ts'

/** Columns that are put together at most. */
const MOST_COLUMNS = 4
/** Longest that keys are looked for. */
const LOOK_LIMIT_MS = 5000

/** The statement that makes the unique index which a concurrent refresh needs: over the first columns of the view that are unique now. `undefined` when none
 *  was found in time; then a person has to choose. */
export async function proposeUniqueIndex(client: AdvisorClient, view: ViewFactsRow): Promise<string | undefined> {
  if (!view.isPopulated || view.keyColumns.length === 0) return undefined
  const names = view.keyColumns.map(quoteIdent)
  const candidates = [...names.slice(0, 20).map(name => [name]), ...[2, 3, MOST_COLUMNS].filter(n => n <= names.length).map(n => names.slice(0, n))]
  const texts = candidates.map(columns => (columns.length === 1 ? columns[0]! : `(${columns.join(', ')})`))
  const quoted = quoteQualified(view.schema, view.name)
  try {
    await setLimits(client, { lockMs: LOOK_LIMIT_MS, statementMs: LOOK_LIMIT_MS })
    const [row] = await readRows<Record<string, number>>(client, countKeys(quoted, texts))
    const found = candidates.find((_, at) => row?.[`k${at + 1}`] === row?.rows)
    return found === undefined ? undefined : `CREATE UNIQUE INDEX CONCURRENTLY ON ${quoted} (${found.join(', ')})`
  } catch (error) {
    // Too slow, locked, not readable by this role, or a type that has no equality: then there is no proposal.
    if (sqlStateOf(error) === undefined) throw error
    return undefined
  } finally {
    await setLimits(client, { lockMs: 0, statementMs: 0 }).catch(() => undefined)
  }
}
