import { conditionsOf, type Explained, type ExplainedNode } from './explained-node.ts'
import { readerOf, type SubplanReaders, subplanReaders } from './subplan-readers.ts'

/** Blocks of 8 kB that a node itself touched, its children left out. */
export interface NodeBlocks {
  readonly hit: number
  readonly read: number
  /** Written to temporary files: what did not fit into work_mem. */
  readonly tempWritten: number
}

/** What a node kept on disk because work_mem was too small. */
export interface NodeSpill {
  readonly what: 'sort' | 'hash' | 'aggregate'
  readonly diskKb: number
  /** Memory with which it would have stayed in memory, estimated. */
  readonly neededKb: number
}

/** One step of a plan. Times, rows and blocks are those of all its loops together. */
export interface PlanTreeNode {
  /** Number in reading order, from 0. */
  readonly id: number
  /** As PostgreSQL names it, for example `Seq Scan`. */
  readonly type: string
  readonly schema?: string
  readonly table?: string
  readonly alias?: string
  readonly index?: string
  /** Conditions and keys, each with its name: `Filter: (status = 'open')`. Literals are the caller's own, or `?`. */
  readonly conditions: readonly string[]
  /** Share of the whole that this node itself took, 0..1: of the time when it was measured, else of the planner's cost. */
  readonly share: number
  /** Time of the node without its children. Absent when the statement was not run. */
  readonly selfMs?: number
  readonly totalMs?: number
  readonly estimatedRows: number
  readonly actualRows?: number
  readonly loops?: number
  /** Rows that the node read and threw away. */
  readonly removedRows?: number
  /** How far the estimate is off: the larger of the two by the smaller, from 1 up. Absent where it was not measured, or where a LIMIT stopped the node early. */
  readonly offBy?: number
  readonly blocks?: NodeBlocks
  readonly spill?: NodeSpill
  readonly children: readonly PlanTreeNode[]
}

/** A plan as a tree. */
export interface PlanTree {
  readonly root: PlanTreeNode
  /** The node with the largest share. */
  readonly worst: PlanTreeNode
  readonly measured: boolean
}

/** How a literal of a condition is shown. */
export type ShowCondition = (condition: string) => string

/** Builds the tree. Self time is a node's time without its children's; under a Gather it is divided by the processes that worked at once; a WITH query or
 *  InitPlan counts where it is read, not where EXPLAIN hangs it. */
export function planTreeOf({ Plan }: Explained, show: ShowCondition): PlanTree {
  const measured = Plan['Actual Total Time'] !== undefined
  const readers = subplanReaders(Plan)
  const draft = draftOf(Plan, { processes: 1, estimatedLoops: 1, scale: 1, cutShort: false }, { measured, readers, nextId: { value: 0 } })
  const whole = sumOf(draft, node => node.self) || 1
  const root = finish(draft, whole, measured, show)
  return { root, worst: nodesOf(root).reduce((worst, node) => (node.share > worst.share ? node : worst), root), measured }
}

/** All nodes in reading order. */
export function nodesOf(root: PlanTreeNode): PlanTreeNode[] {
  return [root, ...root.children.flatMap(nodesOf)]
}

interface Draft {
  readonly id: number
  readonly node: ExplainedNode
  readonly total: number
  readonly self: number
  readonly estimatedRows: number
  readonly cutShort: boolean
  readonly blocks: NodeBlocks | undefined
  readonly children: readonly Draft[]
}

interface Surroundings {
  /** Processes that share the work of this node. */
  readonly processes: number
  /** How often the planner thinks that the node runs. */
  readonly estimatedLoops: number
  /** Share of the node's cost that is really paid, under a LIMIT. */
  readonly scale: number
  readonly cutShort: boolean
}

interface Tree {
  readonly measured: boolean
  readonly readers: SubplanReaders
  readonly nextId: { value: number }
}

function draftOf(node: ExplainedNode, around: Surroundings, tree: Tree): Draft {
  const id = tree.nextId.value++
  const children = (node.Plans ?? []).map((child, at) => draftOf(child, surroundingsOf(node, at, around), tree))
  const total = tree.measured ? measuredMs(node, around) : (node['Total Cost'] ?? 0) * around.estimatedLoops * around.scale
  // What is read elsewhere was waited for there.
  const mine = [...children.filter(child => readerOf(child.node, tree.readers) === undefined).map(({ total, node }) => ({ total, node }))]
  for (const subplan of tree.readers.readBy.get(node) ?? []) mine.push({ total: measuredOrCost(subplan, tree.measured), node: subplan })
  const below = mine.reduce((sum, child) => sum + child.total, 0)
  const loops = tree.measured ? (node['Actual Loops'] ?? 1) : around.estimatedLoops
  return {
    id,
    node,
    total,
    self: Math.max(0, total - below),
    estimatedRows: (node['Plan Rows'] ?? 0) * Math.max(1, loops),
    cutShort: around.cutShort,
    blocks: tree.measured
      ? blocksOf(
          node,
          mine.map(child => child.node),
        )
      : undefined,
    children,
  }
}

function surroundingsOf(parent: ExplainedNode, at: number, around: Surroundings): Surroundings {
  const type = parent['Node Type']
  const children = parent.Plans ?? []
  const processes = type.startsWith('Gather') ? (parent['Workers Launched'] ?? 0) + 1 : around.processes
  const inner = type === 'Nested Loop' && children[at]?.['Parent Relationship'] === 'Inner'
  const outer = children.find(child => child['Parent Relationship'] === 'Outer')
  const estimatedLoops = inner ? around.estimatedLoops * Math.max(1, outer?.['Plan Rows'] ?? 1) : around.estimatedLoops
  const paid = (parent['Total Cost'] ?? 0) / Math.max(Number.MIN_VALUE, children[at]?.['Total Cost'] ?? 0)
  const scale = inner ? around.scale * innerScale(parent, children[at], outer) : around.scale * Math.min(1, paid)
  const blocks = ['Sort', 'Aggregate', 'Hash', 'Materialize', 'SetOp'].includes(type)
  return { processes, estimatedLoops, scale, cutShort: type === 'Limit' || parent['Join Type'] === 'Semi' || (around.cutShort && !blocks) }
}

/** A nested loop often pays less than rows times cost, because pages are cached by then; never more than its own cost. */
function innerScale(loop: ExplainedNode, inner: ExplainedNode | undefined, outer: ExplainedNode | undefined): number {
  const claimed = (inner?.['Total Cost'] ?? 0) * Math.max(1, outer?.['Plan Rows'] ?? 1)
  const room = Math.max(0, (loop['Total Cost'] ?? 0) - (outer?.['Total Cost'] ?? 0))
  return claimed > room ? room / claimed : 1
}

function measuredMs(node: ExplainedNode, { processes }: Surroundings): number {
  return ((node['Actual Total Time'] ?? 0) * (node['Actual Loops'] ?? 1)) / processes
}

function measuredOrCost(node: ExplainedNode, measured: boolean): number {
  return measured ? (node['Actual Total Time'] ?? 0) * (node['Actual Loops'] ?? 1) : (node['Total Cost'] ?? 0)
}

function blocksOf(node: ExplainedNode, below: readonly ExplainedNode[]): NodeBlocks {
  const own = (key: 'Shared Hit Blocks' | 'Shared Read Blocks' | 'Temp Written Blocks'): number =>
    Math.max(
      0,
      below.reduce((rest, child) => rest - (child[key] ?? 0), node[key] ?? 0),
    )
  return { hit: own('Shared Hit Blocks'), read: own('Shared Read Blocks'), tempWritten: own('Temp Written Blocks') }
}

function finish(draft: Draft, whole: number, measured: boolean, show: ShowCondition): PlanTreeNode {
  const { node } = draft
  return {
    id: draft.id,
    type: nameOf(node),
    ...(node.Schema === undefined ? {} : { schema: node.Schema }),
    ...(node['Relation Name'] === undefined ? {} : { table: node['Relation Name'] }),
    ...(node.Alias === undefined ? {} : { alias: node.Alias }),
    ...(node['Index Name'] === undefined ? {} : { index: node['Index Name'] }),
    conditions: conditionsOf(node).map(([name, text]) => `${name}: ${show(text)}`),
    share: draft.self / whole,
    estimatedRows: draft.estimatedRows,
    ...(measured ? measuredFigures(draft) : {}),
    children: draft.children.map(child => finish(child, whole, measured, show)),
  }
}

function measuredFigures({ node, self, total, blocks, estimatedRows, cutShort }: Draft): Partial<PlanTreeNode> {
  const loops = node['Actual Loops'] ?? 0
  const actualRows = (node['Actual Rows'] ?? 0) * loops
  const removed = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0)
  const [low, high] = [Math.min(actualRows, estimatedRows), Math.max(actualRows, estimatedRows)]
  // A node that was stopped early, or never ran, says nothing about its estimate, unless it returned more than was expected of all of it.
  const isTelling = loops > 0 && (!cutShort || actualRows > estimatedRows)
  const spill = spillOf(node)
  return {
    selfMs: self,
    totalMs: total,
    actualRows,
    loops,
    ...(removed > 0 ? { removedRows: removed * loops } : {}),
    ...(isTelling ? { offBy: Math.max(1, high) / Math.max(1, low) } : {}),
    ...(blocks === undefined ? {} : { blocks }),
    ...(spill === undefined ? {} : { spill }),
  }
}

function nameOf(node: ExplainedNode): string {
  const { 'Node Type': type, 'Join Type': join, Strategy: strategy, 'Subplan Name': subplan } = node
  const joined = join === undefined || join === 'Inner' ? type : `${type} (${join})`
  const hashed = type === 'Aggregate' && strategy === 'Hashed' ? 'Hash Aggregate' : joined
  return subplan === undefined ? hashed : `${hashed} (${subplan})`
}

/** @source PostgreSQL 18, EXPLAIN: a sort takes about three times on memory what it takes on disk; batches of a hash are parts of it. */
function spillOf(node: ExplainedNode): NodeSpill | undefined {
  const places = [node, ...(node.Workers ?? [])]
  const sorted = places.filter(place => place['Sort Space Type'] === 'Disk').map(place => place['Sort Space Used'] ?? 0)
  if (sorted.length > 0) return { what: 'sort', diskKb: sorted.reduce((sum, kb) => sum + kb, 0), neededKb: Math.max(...sorted) * 3 }
  const batches = node['Hash Batches'] ?? 1
  if (batches > 1) {
    const memoryKb = node['Peak Memory Usage'] ?? 0
    return { what: 'hash', diskKb: (node['Temp Written Blocks'] ?? 0) * 8, neededKb: memoryKb * batches }
  }
  const grouped = places.map(place => place['Disk Usage'] ?? 0)
  const diskKb = Math.max(...grouped)
  return diskKb > 0 ? { what: 'aggregate', diskKb, neededKb: diskKb * 3 + (node['Peak Memory Usage'] ?? 0) } : undefined
}

function sumOf(draft: Draft, figure: (node: Draft) => number): number {
  return figure(draft) + draft.children.reduce((sum, child) => sum + sumOf(child, figure), 0)
}
