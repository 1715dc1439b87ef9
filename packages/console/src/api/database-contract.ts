import type {
  ArchivePreview,
  ArchiveReport,
  ArchiveRunSummary,
  ConnectionReport,
  DatabaseHealth,
  IndexFacts,
  IndexReport,
  LockReport,
  PoolHolder,
  ReplicaState,
  SizeReport,
  StatementAnalysis,
  StatementReport,
  TableReport,
  TablesReport,
  VacuumReport,
} from 'holdfast/postgres'
import type { FindingSummary, Measured } from './contract.ts'

/** Why the part of an answer that comes from the database is missing. */
export interface ServerProblem {
  readonly code: string
  readonly detail: string
  readonly hint: string
}

/** The pool of one instance, now. */
export interface PoolInstanceRow {
  readonly id: string
  readonly used: number
  readonly idle: number
  /** Callers in the queue. */
  readonly waiting: number
  readonly max: number
}

/** Waits for a connection that took no longer than `upToMs`, and longer than the bucket before; null: no limit. */
export interface WaitBucket {
  readonly upToMs: number | null
  readonly count: number
}

/** Reads of the window that went to one server for one reason. */
export interface ReadRow {
  /** `primary`, or `host:port` of a replica. */
  readonly server: string
  /** `chosen`, `waited`; of the primary `behind`, `late`, `away`. */
  readonly reason: string
  readonly count: number
  /** Of all reads that may go to replicas, 0..1. */
  readonly share: number
}

/** Replicas of the instances, and where reads that may go to them went. */
export interface ReplicaReads {
  /** Each replica as each instance sees it now. */
  readonly servers: readonly (ReplicaState & { readonly instanceId: string })[]
  /** How each instance reads now. */
  readonly instances: readonly {
    readonly id: string
    /** Of the primary's log, at the last look; null while it is not known. */
    readonly primaryPosition: string | null
    /** How long a read waits for replay at most; 0: not at all, for it does not pay. Null from an instance that does not say. */
    readonly replayLimitMs: number | null
  }[]
  /** Share of the reads in the window that replicas answered. */
  readonly onReplicas: Measured
  /** Most first. */
  readonly reads: readonly ReadRow[]
}

/** `GET api/v1/performance/database/connection-pool`. */
export interface DatabasePoolAnswer {
  readonly schema: 'holdfast.database-pool/1'
  readonly atMs: number
  readonly windowSec: number
  /** Empty where no instance that is up has a pool. */
  readonly instances: readonly PoolInstanceRow[]
  /** Sum over the instances; null without any. */
  readonly totals: Omit<PoolInstanceRow, 'id'> | null
  /** Waiting for a connection in the window, of every checkout, failed ones included. */
  readonly acquireWait: {
    readonly p50Ms: Measured
    readonly p95Ms: Measured
    readonly p99Ms: Measured
    readonly mostMs: Measured
    readonly checkoutsPerSec: Measured
    readonly buckets: readonly WaitBucket[]
  }
  /** Who holds a connection of which instance now, longest first, at most 10. */
  readonly holders: readonly (PoolHolder & { readonly instanceId: string })[]
  /** Null where no instance that is up has replicas. */
  readonly replicas: ReplicaReads | null
  /** One point a second; arrays of equal length, oldest first. Null where nothing was measured. */
  readonly series: {
    readonly atMs: readonly number[]
    readonly used: readonly (number | null)[]
    readonly idle: readonly (number | null)[]
    readonly waiting: readonly (number | null)[]
    readonly waitP95Ms: readonly (number | null)[]
    readonly partial: boolean
  }
  /** Connections of the whole server; null when it did not say. */
  readonly server: ConnectionReport | null
  readonly serverProblem: ServerProblem | null
}

/** One statement as the instances measured it in the window. */
export interface QueryRow {
  readonly fingerprint: string
  /** Normalised text. */
  readonly text: string
  readonly callCount: number
  readonly errorCount: number
  /** Returned or changed. */
  readonly rowCount: number
  readonly totalMs: number
  readonly meanMs: number
  readonly p50Ms: Measured
  readonly p95Ms: Measured
  /** Waiting for a connection before it, all calls together. */
  readonly waitMs: number
  readonly shareOfTime: number
}

/** `GET api/v1/performance/database/slow-queries`. */
export interface DatabaseQueriesAnswer {
  readonly schema: 'holdfast.database-queries/1'
  readonly atMs: number
  readonly windowSec: number
  /** Of all statements in the window. */
  readonly totalMs: number
  readonly callCount: number
  /** Most time first, at most 100; the rest under `other`. */
  readonly queries: readonly QueryRow[]
  /** From pg_stat_statements, since its counters began; null where they cannot be read. */
  readonly server: StatementReport | null
  readonly serverProblem: ServerProblem | null
}

/** `GET api/v1/performance/database/indexing-strategy`. */
export interface DatabaseIndexesAnswer extends Omit<IndexReport, 'indexes'> {
  readonly schema: 'holdfast.database-indexes/1'
  /** Each with the ids of the findings that name it. */
  readonly indexes: readonly (IndexFacts & { readonly findingIds: readonly string[] })[]
  /** Findings about indexes, missing ones too, by time saved. Those that are gone are left out. */
  readonly findings: readonly FindingSummary[]
}

/** `GET api/v1/performance/database/tables`. */
export interface DatabaseTablesAnswer extends TablesReport {
  readonly schema: 'holdfast.database-tables/1'
}

/** `GET api/v1/performance/database/table-stats/:table`. */
export interface DatabaseTableAnswer extends TableReport {
  readonly schema: 'holdfast.database-table/1'
  /** What the caller's role allows. */
  readonly actions: readonly 'optimize'[]
  /** Text that has to be typed before; null in development. */
  readonly confirmation: string | null
}

/** Answer of `POST api/v1/performance/database/optimize-table/:table`. */
export interface DatabaseVacuumAnswer extends VacuumReport {
  readonly schema: 'holdfast.database-vacuum/1'
}

/** `GET api/v1/performance/database/size`. */
export interface DatabaseSizeAnswer extends SizeReport {
  readonly schema: 'holdfast.database-size/1'
}

/** `GET api/v1/performance/database/health`. */
export interface DatabaseHealthAnswer extends DatabaseHealth {
  readonly schema: 'holdfast.database-health/1'
  readonly locks: LockReport
}

/** Answer of `POST api/v1/performance/database/analyze-query`. */
export interface DatabaseAnalysisAnswer extends StatementAnalysis {
  readonly schema: 'holdfast.plan/1'
}

/** Body of `POST api/v1/performance/database/archive`. */
export interface ArchiveRequest {
  /** Name of a policy that the console was given. */
  readonly policy: string
  /** Only count what it would take. */
  readonly dryRun: boolean
  /** The policy's name; outside development, for a run. */
  readonly confirmation?: string
}

/** Answer of `POST api/v1/performance/database/archive`: the preview of a dry run, or the report of a run. */
export interface DatabaseArchiveAnswer {
  readonly schema: 'holdfast.database-archive/1'
  readonly preview: ArchivePreview | null
  readonly report: ArchiveReport | null
}

/** Answer of `GET api/v1/performance/database/archive`. */
export interface DatabaseArchivesAnswer {
  readonly schema: 'holdfast.database-archives/1'
  readonly policies: readonly {
    readonly name: string
    readonly table: string
    readonly action: 'move' | 'copy' | 'delete'
    readonly into: string | null
  }[]
  /** Newest first, at most 100. */
  readonly runs: readonly ArchiveRunSummary[]
}
