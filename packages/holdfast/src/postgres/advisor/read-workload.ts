import { type AdvisorClient, messageOf, readRows, sqlStateOf } from './client.ts'
import { advisorErrors } from './errors.ts'
import { readStatements, type StatementRow } from './sql/read-statements.sql.ts'
import { readStatementsInfo, type StatementsInfoRow } from './sql/read-statements-info.sql.ts'
import { STATEMENTS_EXTENSION, type StatementsExtensionRow } from './sql/statements-extension.sql.ts'
import type { WorkloadMark } from './workload.ts'

/** What the advisor's role may do and where the statistics are. */
export interface Surroundings extends StatementsExtensionRow {
  readonly schema: string
}

/** A mark together with the statements' normalised texts. */
export interface WorkloadReading {
  readonly mark: WorkloadMark
  readonly texts: ReadonlyMap<string, string>
}

/** Finds pg_stat_statements. 1 round trip.
 *  @throws HF_PG_STATEMENTS_MISSING when the extension is not created in this database. */
export async function readSurroundings(client: AdvisorClient): Promise<Surroundings> {
  const [row] = await readRows<StatementsExtensionRow>(client, STATEMENTS_EXTENSION)
  if (row === undefined || row.schema === null) {
    throw advisorErrors.create('HF_PG_STATEMENTS_MISSING', `database ${row?.database ?? ''} has no extension pg_stat_statements`, {
      context: { database: row?.database },
    })
  }
  return { ...row, schema: row.schema }
}

/** Reads all counters of the current database. 2 round trips.
 *  @throws HF_PG_STATEMENTS_MISSING when the library is not loaded by the server. */
export async function readWorkload(client: AdvisorClient, schema: string, withText: boolean): Promise<WorkloadReading> {
  try {
    const [info] = await readRows<StatementsInfoRow>(client, readStatementsInfo(schema))
    const rows = await readRows<StatementRow>(client, readStatements(schema, withText))
    const texts = new Map<string, string>()
    for (const { queryId, text } of rows) if (text !== null) texts.set(queryId, text)
    const statements = rows.map(({ text: _text, ...counters }) => counters)
    return { mark: { atMs: info?.atMs ?? 0, resetAtMs: info?.resetAtMs ?? null, statements }, texts }
  } catch (error) {
    // 55000 object_not_in_prerequisite_state: created, but not in shared_preload_libraries.
    if (sqlStateOf(error) === '55000') throw advisorErrors.create('HF_PG_STATEMENTS_MISSING', messageOf(error), { cause: error })
    throw error
  }
}
