/** The last run of a policy. In: $1 policy. Out: one row, or none. PostgreSQL 14. Locks: ACCESS SHARE on the log. */
export const LAST_ARCHIVE_RUN = `SELECT /* holdfast */ id::float8 AS id, definition, cutoff, position, pass, pass_rows::float8 AS "passRows",
  pass_skipped::float8 AS "passSkipped", row_count::float8 AS "rowCount", batch_count::float8 AS "batchCount", batch_rows AS "batchRows",
  partition_oid::int8::float8 AS "partitionOid", partitions, finished_at IS NOT NULL AS "isFinished"
FROM holdfast.archive_run WHERE policy = $1 ORDER BY id DESC LIMIT 1`

export interface ArchiveRunRow {
  readonly id: number
  readonly definition: string
  readonly cutoff: string | null
  readonly position: readonly string[] | null
  readonly pass: number
  readonly passRows: number
  readonly passSkipped: number
  readonly rowCount: number
  readonly batchCount: number
  readonly batchRows: number
  /** The partition that is being detached. */
  readonly partitionOid: number | null
  /** Names of those that were. */
  readonly partitions: readonly string[]
  readonly isFinished: boolean
}

/** Whether the run of this moment of the schedule is over, or was taken on by a later one. In: $1 policy, $2 moment in ms. Out: one row. PostgreSQL 14.
 *  Locks: ACCESS SHARE on the log. */
export const IS_ARCHIVE_DUE_DONE = `SELECT /* holdfast */ EXISTS (SELECT FROM holdfast.archive_run
  WHERE policy = $1 AND due_at >= to_timestamp($2::float8 / 1000) AND finished_at IS NOT NULL) AS done`

/** Begins a run. In: $1 policy, $2 definition, $3 due in ms or null, $4 age in ms or null, $5 rows of the first batch. Out: id. PostgreSQL 14.
 *  Locks: ROW EXCLUSIVE on the log. */
export const BEGIN_ARCHIVE_RUN = `INSERT /* holdfast */ INTO holdfast.archive_run (policy, definition, due_at, cutoff, batch_rows)
VALUES ($1, $2, to_timestamp($3::float8 / 1000), (clock_timestamp() - $4::float8 * interval '1 millisecond')::text, $5)`

/** A run that goes on also does what is due by now. In: $1 run, $2 due in ms or null. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const RESUME_ARCHIVE_RUN = `UPDATE /* holdfast */ holdfast.archive_run
SET due_at = greatest(due_at, to_timestamp($2::float8 / 1000)), updated_at = clock_timestamp() WHERE id = $1::bigint`

/** In: $1 run. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const NEXT_ARCHIVE_PASS = `UPDATE /* holdfast */ holdfast.archive_run SET pass = pass + 1, pass_rows = 0, pass_skipped = 0, position = NULL,
  updated_at = clock_timestamp() WHERE id = $1::bigint`

/** In: $1 run, $2 outcome. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const END_ARCHIVE_RUN = `UPDATE /* holdfast */ holdfast.archive_run SET finished_at = clock_timestamp(), updated_at = clock_timestamp(), outcome = $2
WHERE id = $1::bigint`

/** Runs that ended and are not among the last hundred of their policy. In: $1 policy. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const FORGET_ARCHIVE_RUNS = `DELETE /* holdfast */ FROM holdfast.archive_run WHERE policy = $1 AND finished_at IS NOT NULL
  AND id <= (SELECT id FROM holdfast.archive_run WHERE policy = $1 ORDER BY id DESC OFFSET 100 LIMIT 1)`

/** In: $1 run, $2 oid of the partition or null. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const NOTE_PARTITION =
  'UPDATE /* holdfast */ holdfast.archive_run SET partition_oid = $2::oid, updated_at = clock_timestamp() WHERE id = $1::bigint'

/** In: $1 run, $2 name, $3 its rows. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const PARTITION_DONE = `UPDATE /* holdfast */ holdfast.archive_run SET partition_oid = NULL, partitions = partitions || $2::text, row_count = row_count + $3::bigint,
  updated_at = clock_timestamp() WHERE id = $1::bigint`

/** Runs of all policies, the newest first. In: $1 most rows. Out: one row a run. PostgreSQL 14. Locks: ACCESS SHARE on the log. */
export const LIST_ARCHIVE_RUNS = `SELECT /* holdfast */ policy, who, (extract(epoch FROM started_at) * 1000)::float8 AS "startedAtMs",
  (extract(epoch FROM updated_at) * 1000)::float8 AS "updatedAtMs", (extract(epoch FROM finished_at) * 1000)::float8 AS "finishedAtMs",
  outcome, pass, row_count::float8 AS "rowCount", batch_count::float8 AS "batchCount", partitions
FROM holdfast.archive_run ORDER BY id DESC LIMIT $1`

/** One run of a policy, under way or over. */
export interface ArchiveRunSummary {
  readonly policy: string
  /** The role that began it. */
  readonly who: string
  readonly startedAtMs: number
  /** The last batch. */
  readonly updatedAtMs: number
  /** Null: under way, or left by a process that died; the next run goes on with it. */
  readonly finishedAtMs: number | null
  /** `done`, or `replaced` when the policy was changed before it was over. Null as above. */
  readonly outcome: string | null
  readonly pass: number
  readonly rowCount: number
  readonly batchCount: number
  /** Names of partitions that were detached. */
  readonly partitions: readonly string[]
}

/** Whether the log is there and this role may read it. In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const ARCHIVE_LOG_READABLE = `SELECT /* holdfast */ EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'holdfast'
  AND c.relname = 'archive_run' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) AS readable`
