import type { Catalog } from '../catalog.ts'
import type { IndexShape } from '../index-definition.ts'
import type { ParsedInsert, ParsedStatement } from '../predicates.ts'
import type { ForeignKeyRow } from '../sql/foreign-keys.sql.ts'
import type { IndexHealthRow } from '../sql/index-health.sql.ts'
import type { IndexScansRow } from '../sql/index-scans.sql.ts'
import type { LockWaitRow } from '../sql/lock-waits.sql.ts'
import type { SequenceHealthRow } from '../sql/sequence-health.sql.ts'
import type { ServerFactsRow } from '../sql/server-facts.sql.ts'
import type { SessionRow } from '../sql/sessions.sql.ts'
import type { TableHealthRow } from '../sql/table-health.sql.ts'
import type { ViewRefreshRow } from '../sql/view-refreshes.sql.ts'
import type { StatementWindow } from '../workload.ts'
import type { Known } from './known.ts'
import type { StatementTraits } from './statement-traits.ts'

/** A pool that takes connections of the server. */
export interface PoolShare {
  readonly name: string
  /** Most connections of one instance. */
  readonly max: number
  /** Processes that have such a pool. */
  readonly instances: number
}

/** A statement of the window with what is known of it. */
export interface RuleStatement {
  readonly parsed: ParsedStatement
  readonly window: StatementWindow
  /** Share of all statement time in the window, 0..1. */
  readonly shareOfTime: number
  readonly traits: StatementTraits
  /** Blocks touched per call, and rows, since the counters were reset; absent when the statement is no longer there. */
  readonly blocks?: { readonly calls: number; readonly blocksPerCall: number; readonly tempBlocksPerCall: number; readonly rowsPerCall: number }
}

/** Columns of a table whose values depend on each other, measured on a sample of its pages. */
export interface CorrelatedColumns {
  readonly schema: string
  readonly table: string
  readonly columns: readonly string[]
  readonly sampledRows: number
  readonly tableRows: number
  /** The most frequent combinations: rows that have it by the sample, and rows that the planner expects. */
  readonly combinations: readonly { readonly actualRows: number; readonly plannedRows: number; readonly sampleCount: number }[]
  readonly queryIds: readonly string[]
}

/** A table's waste as pgstattuple measured it. */
export interface MeasuredWaste {
  readonly tableBytes: number
  readonly wastedBytes: number
}

/** An index that `pg/missing-index` offers and that is not built yet. */
export interface OfferedIndex extends IndexShape {
  readonly schema: string
  readonly table: string
  /** Statements that it would serve. */
  readonly targetQueryIds: readonly string[]
}

/** Everything that rules judge by. Read once for all of them; no rule reads for itself. */
export interface RuleFacts {
  readonly server: ServerFactsRow
  readonly tables: Known<readonly TableHealthRow[]>
  readonly indexes: Known<readonly IndexHealthRow[]>
  /** By index oid: since when, in ms, its scans are known to stand still. */
  readonly indexWatch: Known<ReadonlyMap<number, number>>
  /** Counters of the replicas that the advisor was given connections to. */
  readonly replicaScans: Known<readonly (readonly IndexScansRow[])[]>
  readonly sequences: Known<readonly SequenceHealthRow[]>
  readonly foreignKeys: Known<readonly ForeignKeyRow[]>
  readonly sessions: Known<readonly SessionRow[]>
  readonly lockWaits: Known<readonly LockWaitRow[]>
  readonly viewRefreshes: Known<readonly ViewRefreshRow[]>
  readonly statements: readonly RuleStatement[]
  /** Everything that ran in the window, writes included. */
  readonly parsed: ReadonlyMap<string, ParsedStatement | ParsedInsert>
  readonly windows: ReadonlyMap<string, StatementWindow>
  readonly windowMs: number
  readonly catalog: Catalog
  readonly volatileFunctions: ReadonlySet<string>
  readonly correlated: readonly CorrelatedColumns[]
  /** By table oid. */
  readonly measuredWaste: Known<ReadonlyMap<number, MeasuredWaste>>
  readonly pools: readonly PoolShare[]
  readonly offered: readonly OfferedIndex[]
}
