import { castToText, isText } from '../advisor/asks.ts'
import type { Catalog, TableFacts } from '../advisor/catalog.ts'
import type { Condition, ParsedStatement, Scope } from '../advisor/predicates.ts'
import { resolveColumn } from '../advisor/resolve-column.ts'
import type { PlanTreeNode } from './plan-tree.ts'

/** The table that a node reads, as the statement names it. */
export interface NodeTable {
  readonly table: TableFacts
  readonly parsed: ParsedStatement
  /** Scopes of the statement in which the table stands. */
  readonly scopes: readonly Scope[]
}

/** Finds a node's table in the statement or in the body of a view; `undefined` for nodes that read none, and for tables behind functions. */
export function tableOfNode(node: PlanTreeNode, statements: readonly ParsedStatement[], catalog: Catalog): NodeTable | undefined {
  if (node.table === undefined) return undefined
  for (const parsed of statements) {
    const scopes = parsed.scopes.filter(scope =>
      scope.tables.some(ref => {
        const table = catalog.table(ref)
        return table?.name === node.table && (node.schema === undefined || table?.schema === node.schema)
      }),
    )
    const ref = scopes[0]?.tables.find(one => catalog.table(one)?.name === node.table)
    const table = ref === undefined ? undefined : catalog.table(ref)
    if (table !== undefined) return { table, parsed, scopes }
  }
  return undefined
}

/** Conditions on the table's own columns, with the column's name. */
export function conditionsOn({ table, scopes }: NodeTable, catalog: Catalog): { readonly column: string; readonly condition: Condition }[] {
  return scopes.flatMap(scope =>
    scope.conditions.flatMap(condition => {
      const found = resolveColumn(scope, condition.column, catalog)
      if (found?.table.oid !== table.oid) return []
      const isCast = condition.isCastToText === true && !isText(found.column)
      return [
        { column: found.column.name, condition: isCast ? { ...condition, kind: 'unservable' as const, ...castToText(found.column) } : condition },
      ]
    }),
  )
}
