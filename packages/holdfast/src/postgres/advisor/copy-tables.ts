import type { Catalog, TableFacts } from './catalog.ts'
import { messageOf, sqlStateOf } from './client.ts'
import type { Lab } from './lab.ts'
import type { ParsedStatement } from './predicates.ts'
import { resolveColumn } from './resolve-column.ts'
import type { Job, TrialInput } from './try-workload.ts'

/** All tables together may take this many times the limit of one. */
const LAB_LIMITS = 3

/** A sample smaller than this says nothing. */
const SMALLEST_SAMPLE_BYTES = 16 * 1024 ** 2

/** Copies the tables that the candidates are for, those on which most time is spent first. Why a table is not in the lab, by oid. */
export async function copyTables(input: TrialInput, lab: Lab, jobs: readonly Job[]): Promise<ReadonlyMap<number, string>> {
  const problems = new Map<number, string>()
  let roomBytes = input.labLimitBytes * LAB_LIMITS
  for (const table of tablesOf(jobs)) {
    const namesake = [...lab.tables.values()].find(({ facts }) => facts.name === table.name)
    if (namesake !== undefined) {
      problems.set(
        table.oid,
        `${table.schema}.${table.name} has the name of ${namesake.facts.schema}.${table.name}, which takes more time: advise on it alone`,
      )
      continue
    }
    const limitBytes = Math.max(SMALLEST_SAMPLE_BYTES, Math.min(input.labLimitBytes, roomBytes))
    input.onProgress(`copying ${table.schema}.${table.name}`)
    try {
      await lab.copy(table, Math.min(input.labLimitBytes, limitBytes), referencedColumns(jobs, table, input.catalog))
      roomBytes -= Math.min(table.sizeBytes, limitBytes)
    } catch (error) {
      // No room on disk, or a lock that somebody holds: this table cannot be copied now, another may.
      if (sqlStateOf(error) === undefined) throw error
      problems.set(table.oid, `${table.name} could not be copied: ${messageOf(error)}`)
    }
  }
  return problems
}

function tablesOf(jobs: readonly Job[]): TableFacts[] {
  const times = new Map<TableFacts, number>()
  for (const { candidates, examined } of jobs) {
    for (const table of new Set(candidates.map(candidate => candidate.table))) times.set(table, (times.get(table) ?? 0) + examined.window.totalMs)
  }
  return [...times].sort(([, a], [, b]) => b - a).map(([table]) => table)
}

function referencedColumns(jobs: readonly Job[], table: TableFacts, catalog: Catalog): ReadonlySet<string> {
  const columns = new Set<string>()
  for (const { examined } of jobs) for (const name of columnsOfTable(examined.parsed, table, catalog)) columns.add(name)
  return columns
}

function columnsOfTable(parsed: ParsedStatement, table: TableFacts, catalog: Catalog): string[] {
  return parsed.scopes.flatMap(scope =>
    scope.columns.flatMap(name => {
      const found = resolveColumn(scope, name, catalog)
      return found?.table.oid === table.oid ? [found.column.name] : []
    }),
  )
}
