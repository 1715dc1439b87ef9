import { randomBytes } from 'node:crypto'
import { loadModule, parseSync, scanSync } from 'libpg-query'
import type { Candidate } from './candidates.ts'
import type { IndexFacts, TableFacts } from './catalog.ts'
import { type AdvisorClient, readRows } from './client.ts'
import { quoteIdent, quoteQualified } from './identifier.ts'
import { keyListSql } from './index-definition.ts'
import { createLabTable, fillLabTable } from './sql/lab-copy.sql.ts'
import { LAB_LEFTOVERS, type LabLeftoverRow } from './sql/lab-leftovers.sql.ts'
import { RELATION_SIZE, type RelationSizeRow } from './sql/relation-size.sql.ts'

/** Longest that the copying of one table may take. */
const COPY_LIMIT_MS = 60_000

/** A copy of one table in a schema of its own, on which indexes are tried. Nothing in it touches the original but the reading of its rows. */
export interface Lab {
  readonly schema: string
  readonly table: TableFacts
  /** Share of the original's pages that were copied, 0..1. Below 1, times say nothing about the original. */
  readonly share: number
  /** Builds a candidate on the copy. */
  build(candidate: Candidate): Promise<LabIndex>
  drop(index: LabIndex): Promise<void>
}

export interface LabIndex {
  /** Bare name; it lies in the lab's schema. */
  readonly name: string
  /** Size that it would have on the whole table, extrapolated when the copy is a sample. */
  readonly sizeBytes: number
}

/** Makes a lab for `table`, runs `work`, and drops the lab whatever happens. The session's search path is the lab's during `work`.
 *  Takes ACCESS SHARE on the table and room on disk for its copy; `referenced` limits the existing indexes that are copied to those that could matter. */
export async function withLab<T>(
  client: AdvisorClient,
  table: TableFacts,
  options: { readonly limitBytes: number; readonly referenced: ReadonlySet<string> },
  work: (lab: Lab) => Promise<T>,
): Promise<T> {
  const schema = `holdfast_lab_${randomBytes(6).toString('hex')}`
  const percent = table.sizeBytes <= options.limitBytes ? 100 : (options.limitBytes / table.sizeBytes) * 100
  await client.query('SELECT /* holdfast */ pg_try_advisory_lock(hashtextextended($1, 0))', [schema])
  try {
    await client.query(`CREATE SCHEMA ${quoteIdent(schema)}`)
    await client.query(
      `SELECT /* holdfast */ set_config('statement_timeout', $1, false), set_config('lock_timeout', '1000', false),
      set_config('synchronize_seqscans', 'off', false), set_config('search_path', $2 || ', ' || current_setting('search_path'), false)`,
      [String(COPY_LIMIT_MS), quoteIdent(schema)],
    )
    const names = { lab: schema, schema: table.schema, table: table.name }
    await client.query(createLabTable(names))
    await client.query(fillLabTable(names, percent))
    // Hint bits and the visibility map would otherwise be made by the first reads and be counted as theirs.
    await client.query(`VACUUM (ANALYZE) ${quoteQualified(schema, table.name)}`)
    await copyIndexes(client, schema, table, options.referenced)
    return await work(labOf(client, schema, table, percent / 100))
  } finally {
    await dropLab(client, schema)
  }
}

/** Drops the labs of sessions that died. Returns their names. */
export async function sweepLabs(client: AdvisorClient): Promise<readonly string[]> {
  const leftovers = await readRows<LabLeftoverRow>(client, LAB_LEFTOVERS)
  for (const { name } of leftovers) await dropLab(client, name)
  return leftovers.map(({ name }) => name)
}

function labOf(client: AdvisorClient, schema: string, table: TableFacts, share: number): Lab {
  let count = 0
  return {
    schema,
    table,
    share,
    async build(candidate) {
      const name = `candidate_${++count}`
      await client.query(`CREATE INDEX ${quoteIdent(name)} ON ${quoteQualified(schema, table.name)} (${keyListSql(candidate.keys)})`)
      const [size] = await readRows<RelationSizeRow>(client, RELATION_SIZE, [quoteQualified(schema, name)])
      return { name, sizeBytes: Math.round((size?.sizeBytes ?? 0) / share) }
    },
    async drop({ name }) {
      await client.query(`DROP INDEX IF EXISTS ${quoteQualified(schema, name)}`)
    },
  }
}

async function dropLab(client: AdvisorClient, schema: string): Promise<void> {
  // A trial that failed may have left its transaction open.
  await client.query('ROLLBACK')
  await client.query("SELECT /* holdfast */ set_config('statement_timeout', '0', false)")
  await client.query(`DROP SCHEMA IF EXISTS ${quoteIdent(schema)} CASCADE`)
  await client.query('RESET search_path')
  await client.query('SELECT /* holdfast */ pg_advisory_unlock(hashtextextended($1, 0))', [schema])
}

async function copyIndexes(client: AdvisorClient, schema: string, table: TableFacts, referenced: ReadonlySet<string>): Promise<void> {
  await loadModule()
  for (const index of table.indexes) {
    if (!index.isValid) continue
    const matters = index.isPartial || index.keys.some(key => key.column === null || referenced.has(key.column))
    if (matters) await client.query(onLab(index, schema))
  }
}

/** The definition with the lab's schema in place of the original's. */
function onLab(index: IndexFacts, schema: string): string {
  const statement = parseSync(index.definition).stmts?.[0]?.stmt
  const location = statement !== undefined && 'IndexStmt' in statement ? (statement.IndexStmt.relation?.location ?? 0) : 0
  const bytes = Buffer.from(index.definition, 'utf8')
  const [name] = scanSync(bytes.toString('utf8', location)).tokens
  return `${bytes.toString('utf8', 0, location)}${quoteIdent(schema)}${bytes.toString('utf8', location + (name?.end ?? 0))}`
}
