import type { Catalog, ColumnFacts, TableFacts } from './catalog.ts'
import type { ColumnName, Scope, TableRef } from './predicates.ts'

/** A column of a statement found in the catalog. */
export interface ResolvedColumn {
  readonly ref: TableRef
  readonly table: TableFacts
  readonly column: ColumnFacts
}

/** Finds the table that a column belongs to: by alias, else the only table in scope that has it, then the enclosing scopes. */
export function resolveColumn(scope: Scope, name: ColumnName, catalog: Catalog): ResolvedColumn | undefined {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.parent) {
    for (const ref of at.tables) {
      if (name.qualifier !== undefined && name.qualifier !== ref.alias) continue
      const table = catalog.table(ref)
      const column = table?.columns.get(name.name)
      if (table !== undefined && column !== undefined) return { ref, table, column }
    }
  }
  return undefined
}
