import type { WorkloadFigures } from './ledger.ts'
import type { ParsedInsert, ParsedStatement } from './predicates.ts'
import { mergeWindows, type WorkloadWindow } from './workload.ts'

/** Statements kept as controls. */
const MOST_CONTROLS = 20

/** Query ids of the statements that name a table, by any spelling that `isTable` accepts. */
export function statementsOnTable(
  parsed: ReadonlyMap<string, ParsedStatement | ParsedInsert>,
  isTable: (ref: { readonly schema?: string; readonly name: string }) => boolean,
): ReadonlySet<string> {
  const ids = new Set<string>()
  for (const [queryId, statement] of parsed) {
    const refs = statement.kind === 'insert' ? [statement.target] : statement.scopes.flatMap(scope => scope.tables)
    if (refs.some(isTable)) ids.add(queryId)
  }
  return ids
}

/** The figures of a window for a finding. Without targets, every statement on the table is the target. */
export function figuresOf(window: WorkloadWindow, targetQueryIds: readonly string[], onTable: ReadonlySet<string>): WorkloadFigures {
  const all = [...window.statements.values()]
  const targets = targetQueryIds.length > 0 ? new Set(targetQueryIds) : onTable
  return {
    windowMs: window.windowMs,
    totalCalls: window.totalCalls,
    target: mergeWindows(
      [...targets].join('+'),
      all.filter(statement => targets.has(statement.queryId)),
    ),
    controls: all
      .filter(statement => !onTable.has(statement.queryId))
      .sort((a, b) => b.calls - a.calls)
      .slice(0, MOST_CONTROLS),
    others: all.filter(statement => onTable.has(statement.queryId) && (targetQueryIds.length === 0 || !targets.has(statement.queryId))),
  }
}
