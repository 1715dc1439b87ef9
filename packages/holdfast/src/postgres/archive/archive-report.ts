/** How far a run is. */
export interface ArchiveProgress {
  readonly policy: string
  /** `rows`: a batch is done. `partitions`: one was detached. `waiting`: for a replica, a lock, or a smaller step. */
  readonly phase: 'rows' | 'partitions' | 'waiting'
  /** Rows of this run so far, those of before a resumption included. */
  readonly rowCount: number
  /** The planner's estimate of all of them, at the start. */
  readonly estimatedRows: number
  /** Rows that the next batch takes. */
  readonly batchRows: number
  /** One line for people. */
  readonly line: string
}

/** How a run went. Counts include what was done before a resumption; times do not. */
export interface ArchiveReport {
  readonly policy: string
  readonly action: 'move' | 'copy' | 'delete'
  /** As SQL text. */
  readonly table: string
  /** As SQL text; absent for `delete`, and for partitions, which stay tables of their own. */
  readonly into?: string
  readonly rowCount: number
  readonly batchCount: number
  /** Partitions that were detached, and for `delete` dropped. */
  readonly partitions: readonly string[]
  /** Rows that still match: locked by others each time, changed in the meantime, or referred to by such rows. The next run takes them. */
  readonly leftCount: number
  /** It went on with a run that had not ended. */
  readonly isResumed: boolean
  readonly tookMs: number
  /** The longest that a batch held its locks, as seen from here. */
  readonly longestBatchMs: number
  /** Time spent waiting for replicas. */
  readonly waitedForReplicasMs: number
  /** What to know besides, such as a right that is missing to see replicas. */
  readonly notes: readonly string[]
}

/** What a run of a policy would do. Nothing is changed. */
export interface ArchivePreview {
  readonly policy: string
  readonly action: 'move' | 'copy' | 'delete'
  /** As SQL text. */
  readonly table: string
  /** As SQL text; absent for `delete`, and for partitions. */
  readonly into?: string
  /** Rows of the policy; the planner's estimate when counting took too long (`isEstimate`). */
  readonly matchCount: number
  /** Rows of the table; an estimate likewise. */
  readonly tableCount: number
  readonly isEstimate: boolean
  /** Nothing would stay, so that a run is refused without `allowEverything`. Unknown (false) while counts are estimates. */
  readonly isEverything: boolean
  /** Partitions that would be detached; then rows do not move one by one. */
  readonly partitions: readonly string[]
  /** Rows older than this, by the server's clock. */
  readonly cutoff?: string
  /** The rows, as SQL. */
  readonly condition: string
}
