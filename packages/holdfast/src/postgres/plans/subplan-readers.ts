import { conditionsOf, type ExplainedNode } from './explained-node.ts'

/** Which node waits for a WITH query or InitPlan. EXPLAIN hangs them on the topmost node of their query, but they run when their first reader asks. */
export interface SubplanReaders {
  readonly readerOf: ReadonlyMap<ExplainedNode, ExplainedNode>
  readonly readBy: ReadonlyMap<ExplainedNode, readonly ExplainedNode[]>
}

/** Finds the first reader of each: the first CTE Scan of a WITH query, the first node whose conditions name an InitPlan's result. A subplan without a
 *  reader in sight stays with the node that it hangs on. */
export function subplanReaders(root: ExplainedNode): SubplanReaders {
  const nodes = walk(root)
  const readers = new Map<ExplainedNode, ExplainedNode>()
  const readBy = new Map<ExplainedNode, ExplainedNode[]>()
  for (const subplan of nodes) {
    const reader = subplan['Parent Relationship'] === 'InitPlan' ? firstReader(subplan, nodes) : undefined
    if (reader === undefined) continue
    readers.set(subplan, reader)
    readBy.set(reader, [...(readBy.get(reader) ?? []), subplan])
  }
  return { readerOf: readers, readBy }
}

/** The node that waits for this one, when it is not the one that it hangs on. */
export function readerOf(node: ExplainedNode, readers: SubplanReaders): ExplainedNode | undefined {
  return readers.readerOf.get(node)
}

function firstReader(subplan: ExplainedNode, nodes: readonly ExplainedNode[]): ExplainedNode | undefined {
  const name = subplan['Subplan Name'] ?? ''
  const within = new Set(walk(subplan))
  const outside = nodes.filter(node => !within.has(node))
  if (name.startsWith('CTE ')) return outside.find(node => node['CTE Name'] === name.slice(4))
  // Until version 16: InitPlan 1 (returns $0), read as $0; since then: read as (InitPlan 1).col1.
  const numbered = /returns \$(\d+)/.exec(name)?.[1]
  const isRead = numbered === undefined ? (text: string) => text.includes(`(${name})`) : (text: string) => new RegExp(`\\$${numbered}\\b`).test(text)
  return outside.find(node => conditionsOf(node).some(([, text]) => isRead(text)))
}

function walk(node: ExplainedNode): ExplainedNode[] {
  return [node, ...(node.Plans ?? []).flatMap(walk)]
}
