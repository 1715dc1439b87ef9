import type { Node, RangeVar } from 'libpg-query'
import { textOf, visitNode } from '../advisor/expressions.ts'

/** What a text calls and reads, by the names in it. */
export interface NamesUsed {
  readonly relations: readonly { readonly schema?: string; readonly name: string }[]
  readonly functions: readonly string[]
  readonly operators: readonly string[]
  /** Last names of column references: `row.name` may be a call of a function of that name. */
  readonly attributes: readonly string[]
}

/** Everything that a tree names. Names of WITH clauses are among the relations: a table of such a name would only be looked at in vain. */
export function namesIn(root: Node): NamesUsed {
  const relations = new Map<string, { schema?: string; name: string }>()
  const found = { functions: new Set<string>(), operators: new Set<string>(), attributes: new Set<string>() }
  visitNode(root, node => {
    if ('RangeVar' in node) noteRelation(node.RangeVar, relations)
    const [kind, parts] = namedBy(node) ?? []
    // (row).a.b: each step may be a call. Of other names the last part tells, whatever its schema.
    for (const part of kind === 'attributes' ? (parts ?? []) : (parts?.slice(-1) ?? [])) {
      const name = textOf(part)
      if (kind !== undefined && name !== undefined) found[kind].add(name)
    }
    return true
  })
  return {
    relations: [...relations.values()],
    functions: [...found.functions],
    operators: [...found.operators],
    attributes: [...found.attributes],
  }
}

function namedBy(node: Node): readonly ['functions' | 'operators' | 'attributes', readonly Node[] | undefined] | undefined {
  if ('FuncCall' in node) return ['functions', node.FuncCall.funcname]
  if ('A_Expr' in node) return ['operators', node.A_Expr.name]
  if ('SubLink' in node) return ['operators', node.SubLink.operName]
  if ('SortBy' in node) return ['operators', node.SortBy.useOp]
  if ('ColumnRef' in node) return ['attributes', node.ColumnRef.fields]
  return 'A_Indirection' in node ? ['attributes', node.A_Indirection.indirection] : undefined
}

function noteRelation({ schemaname, relname }: RangeVar, relations: Map<string, { schema?: string; name: string }>): void {
  if (relname === undefined) return
  relations.set(`${schemaname ?? ''}.${relname}`, schemaname === undefined ? { name: relname } : { schema: schemaname, name: relname })
}
