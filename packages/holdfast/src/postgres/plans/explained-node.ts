/** One node of EXPLAIN (FORMAT JSON), as far as it is read here. What is absent was not measured or does not apply. */
export interface ExplainedNode {
  readonly 'Node Type': string
  readonly 'Parent Relationship'?: string
  readonly 'Subplan Name'?: string
  readonly 'CTE Name'?: string
  readonly 'Join Type'?: string
  readonly Strategy?: string
  readonly 'Partial Mode'?: string
  readonly Schema?: string
  readonly 'Relation Name'?: string
  readonly Alias?: string
  readonly 'Index Name'?: string
  readonly 'Total Cost'?: number
  readonly 'Plan Rows'?: number
  readonly 'Actual Total Time'?: number
  readonly 'Actual Rows'?: number
  readonly 'Actual Loops'?: number
  readonly 'Workers Launched'?: number
  readonly 'Rows Removed by Filter'?: number
  readonly 'Rows Removed by Join Filter'?: number
  readonly 'Rows Removed by Index Recheck'?: number
  readonly 'Shared Hit Blocks'?: number
  readonly 'Shared Read Blocks'?: number
  readonly 'Temp Read Blocks'?: number
  readonly 'Temp Written Blocks'?: number
  readonly 'Sort Space Used'?: number
  readonly 'Sort Space Type'?: string
  readonly 'Hash Batches'?: number
  readonly 'Peak Memory Usage'?: number
  readonly 'HashAgg Batches'?: number
  readonly 'Disk Usage'?: number
  readonly Workers?: readonly Pick<ExplainedNode, 'Sort Space Used' | 'Sort Space Type' | 'HashAgg Batches' | 'Disk Usage' | 'Peak Memory Usage'>[]
  readonly 'Index Cond'?: string
  readonly 'Recheck Cond'?: string
  readonly 'Hash Cond'?: string
  readonly 'Merge Cond'?: string
  readonly 'Join Filter'?: string
  readonly Filter?: string
  readonly 'Order By'?: string
  readonly 'Cache Key'?: string
  readonly 'One-Time Filter'?: string
  readonly 'TID Cond'?: string
  readonly 'Sort Key'?: readonly string[]
  readonly 'Presorted Key'?: readonly string[]
  readonly 'Group Key'?: readonly string[]
  readonly Plans?: readonly ExplainedNode[]
}

/** The one element of EXPLAIN's JSON. */
export interface Explained {
  readonly Plan: ExplainedNode
  readonly 'Planning Time'?: number
  readonly 'Execution Time'?: number
}

/** Conditions and keys of a node as lines, with their names. */
export function conditionsOf(node: ExplainedNode): (readonly [string, string])[] {
  const names = [
    'Index Cond',
    'Recheck Cond',
    'Hash Cond',
    'Merge Cond',
    'Join Filter',
    'TID Cond',
    'One-Time Filter',
    'Filter',
    'Order By',
    'Sort Key',
    'Presorted Key',
    'Group Key',
    'Cache Key',
  ] as const
  return names.flatMap(name => {
    const value = node[name]
    return value === undefined ? [] : [[name, typeof value === 'string' ? value : value.join(', ')] as const]
  })
}
