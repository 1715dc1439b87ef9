import type { TableRef } from './predicates.ts'
import { loadParser, type ParsedInsert, type ParsedStatement, parseStatement } from './predicates.ts'
import type { WorkloadWindow } from './workload.ts'

/** Statements parsed of one workload, those with most time first; about 50 µs each. The rest of the time is not looked at. */
const MOST_STATEMENTS = 1000

/** Texts longer than this are left out: they are batch inserts, not statements to index for. */
const LONGEST_TEXT = 20_000

/** Parses the statements that ran in the window. What does not parse, and utility statements, are absent. */
export async function parseWorkload(
  window: WorkloadWindow,
  texts: ReadonlyMap<string, string>,
): Promise<ReadonlyMap<string, ParsedStatement | ParsedInsert>> {
  await loadParser()
  const parsed = new Map<string, ParsedStatement | ParsedInsert>()
  const busiest = [...window.statements.values()].sort((a, b) => b.totalMs - a.totalMs).slice(0, MOST_STATEMENTS)
  for (const { queryId } of busiest) {
    const text = texts.get(queryId)
    if (text === undefined || text.length > LONGEST_TEXT) continue
    const statement = parseStatement(text)
    if (statement !== undefined) parsed.set(queryId, statement)
  }
  return parsed
}

/** All tables that the statements name. */
export function tablesNamed(parsed: ReadonlyMap<string, ParsedStatement | ParsedInsert>): TableRef[] {
  return [...parsed.values()].flatMap(statement =>
    statement.kind === 'insert' ? [statement.target] : statement.scopes.flatMap(scope => scope.tables),
  )
}
