import { randomBytes } from 'node:crypto'
import { loadModule, parseSync, scanSync } from 'libpg-query'
import type { Candidate } from './candidates.ts'
import type { IndexFacts, TableFacts } from './catalog.ts'
import { type AdvisorClient, readRows } from './client.ts'
import { quoteIdent, quoteQualified } from './identifier.ts'
import { shapeSql } from './index-definition.ts'
import { createLabTable, fillLabTable, settleLabTable } from './sql/lab-copy.sql.ts'
import { LAB_LEFTOVERS, type LabLeftoverRow } from './sql/lab-leftovers.sql.ts'
import { LAB_SESSION, type LabSessionRow, SET_STATEMENT_LIMIT } from './sql/lab-session.sql.ts'
import { RELATION_SIZE, type RelationSizeRow } from './sql/relation-size.sql.ts'

/** Longest that the copying of one table, or the building of one index on the copy, may take. */
const STEP_LIMIT_MS = 60_000

/** Share of pages marked all-visible below which the copy is not vacuumed: its index-only scans would be faster than the original's. */
const VISIBLE_SHARE = 0.5

/** PostgreSQL 17 has EXPLAIN (SERIALIZE). */
const SERIALIZES_FROM = 170_000

/** Copies of tables in a schema of their own, on which indexes are tried. Nothing in it touches the originals but the reading of their rows. */
export interface Lab {
  readonly schema: string
  /** Whether EXPLAIN can write rows out as a client gets them. */
  readonly serializes: boolean
  /** Tables copied so far, by oid. */
  readonly tables: ReadonlyMap<number, LabTable>
  /** Candidates that stand on the copies now, by name. */
  readonly indexes: ReadonlyMap<string, LabIndex>
  /** Copies a table with those of its indexes that hold a column of `referenced`. A table larger than `limitBytes` is copied as a sample of its pages. */
  copy(table: TableFacts, limitBytes: number, referenced: ReadonlySet<string>): Promise<void>
  /** Builds a candidate on the copy of its table. */
  build(candidate: Candidate): Promise<LabIndex>
  drop(indexes: readonly LabIndex[]): Promise<void>
  /** Takes out of the copies what trials of writes have left: dead rows, and pages and pending entries that no index has summed up yet. */
  tidy(): Promise<void>
}

export interface LabTable {
  readonly facts: TableFacts
  /** Share of the original's pages that were copied, 0..1. Below 1, times say nothing about the original. */
  readonly share: number
}

export interface LabIndex {
  /** Bare name; it lies in the lab's schema. */
  readonly name: string
  readonly candidate: Candidate
  /** Size that it would have on the whole table, extrapolated when the copy is a sample. */
  readonly sizeBytes: number
}

/** Makes an empty lab, runs `work`, and drops the lab whatever happens. The session's search path begins with the lab during `work`, so that an unqualified name
 *  means the copy. Takes ACCESS SHARE on the tables that are copied, and room on disk for the copies. */
export async function withLab<T>(client: AdvisorClient, work: (lab: Lab) => Promise<T>): Promise<T> {
  const schema = `holdfast_lab_${randomBytes(6).toString('hex')}`
  await loadModule()
  await client.query('SELECT /* holdfast */ pg_try_advisory_lock(hashtextextended($1, 0))', [schema])
  try {
    await client.query(`CREATE SCHEMA ${quoteIdent(schema)}`)
    const [session] = await readRows<LabSessionRow>(client, LAB_SESSION, [quoteIdent(schema)])
    return await work(labOf(client, schema, (session?.serverVersion ?? 0) >= SERIALIZES_FROM))
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

function labOf(client: AdvisorClient, schema: string, serializes: boolean): Lab {
  const tables = new Map<number, LabTable>()
  const indexes = new Map<string, LabIndex>()
  let count = 0
  return {
    schema,
    serializes,
    tables,
    indexes,
    async copy(table, limitBytes, referenced) {
      const percent = table.sizeBytes <= limitBytes ? 100 : (limitBytes / table.sizeBytes) * 100
      const names = { lab: schema, schema: table.schema, table: table.name }
      await client.query(SET_STATEMENT_LIMIT, [String(STEP_LIMIT_MS)])
      try {
        await client.query(createLabTable(names))
        await client.query(fillLabTable(names, percent))
        for (const statement of settleLabTable(names, table.allVisibleRatio >= VISIBLE_SHARE)) await client.query(statement)
        for (const index of table.indexes) if (matters(index, referenced)) await client.query(onLab(index, schema))
      } catch (error) {
        // Half a copy would stand in front of the original.
        await client.query(`DROP TABLE IF EXISTS ${quoteQualified(schema, table.name)}`)
        throw error
      }
      tables.set(table.oid, { facts: table, share: percent / 100 })
    },
    async build(candidate) {
      const { table, keys } = candidate
      const name = `candidate_${++count}`
      const on = quoteQualified(schema, table.name)
      await client.query(SET_STATEMENT_LIMIT, [String(STEP_LIMIT_MS)])
      await client.query(`CREATE INDEX ${quoteIdent(name)} ON ${on} ${shapeSql(candidate)}`)
      // Only ANALYZE tells the planner what the values of an expression are.
      if (keys.some(key => key.expression !== undefined)) await client.query(`ANALYZE ${on}`)
      const [size] = await readRows<RelationSizeRow>(client, RELATION_SIZE, [quoteQualified(schema, name)])
      const index = { name, candidate, sizeBytes: Math.round((size?.sizeBytes ?? 0) / (tables.get(table.oid)?.share ?? 1)) }
      indexes.set(name, index)
      return index
    },
    async drop(dropped) {
      if (dropped.length === 0) return
      await client.query(`DROP INDEX IF EXISTS ${dropped.map(({ name }) => quoteQualified(schema, name)).join(', ')}`)
      for (const { name } of dropped) indexes.delete(name)
    },
    async tidy() {
      await client.query(SET_STATEMENT_LIMIT, [String(STEP_LIMIT_MS)])
      for (const { facts } of tables.values()) await client.query(`VACUUM ${quoteQualified(schema, facts.name)}`)
    },
  }
}

async function dropLab(client: AdvisorClient, schema: string): Promise<void> {
  // A trial that failed may have left its transaction open.
  await client.query('ROLLBACK')
  await client.query(SET_STATEMENT_LIMIT, ['0'])
  await client.query(`DROP SCHEMA IF EXISTS ${quoteIdent(schema)} CASCADE`)
  await client.query('RESET search_path')
  // What comes after is to be kept.
  await client.query('RESET synchronous_commit')
  await client.query('SELECT /* holdfast */ pg_advisory_unlock(hashtextextended($1, 0))', [schema])
}

function matters(index: IndexFacts, referenced: ReadonlySet<string>): boolean {
  return index.isValid && (index.isPartial || index.keys.some(key => key.column === null || referenced.has(key.column)))
}

/** The definition with the lab's schema in place of the original's. */
function onLab(index: IndexFacts, schema: string): string {
  const statement = parseSync(index.definition).stmts?.[0]?.stmt
  const location = statement !== undefined && 'IndexStmt' in statement ? (statement.IndexStmt.relation?.location ?? 0) : 0
  const bytes = Buffer.from(index.definition, 'utf8')
  const [name] = scanSync(bytes.toString('utf8', location)).tokens
  return `${bytes.toString('utf8', 0, location)}${quoteIdent(schema)}${bytes.toString('utf8', location + (name?.end ?? 0))}`
}
