/** What a process that died left as under way. Needs the lock of the view. In: $1 schema, $2 name. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const BURY_DEAD_REFRESHES = `UPDATE /* holdfast */ holdfast.view_refresh SET finished_at = clock_timestamp(), outcome = 'died'
WHERE schema_name = $1 AND view_name = $2 AND finished_at IS NULL`

/** Whether the refresh of a moment of the schedule is over, well or badly. In: $1 schema, $2 name, $3 moment in ms. Out: one row. PostgreSQL 14.
 *  Locks: ACCESS SHARE on the log. */
export const IS_VIEW_DUE_DONE = `SELECT /* holdfast */ EXISTS (SELECT FROM holdfast.view_refresh WHERE schema_name = $1 AND view_name = $2
  AND due_at >= to_timestamp($3::float8 / 1000) AND finished_at IS NOT NULL AND outcome <> 'died') AS done`

/** In: $1 schema, $2 name, $3 due in ms or null. Out: its id. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const BEGIN_REFRESH = `INSERT /* holdfast */ INTO holdfast.view_refresh (schema_name, view_name, due_at) VALUES ($1, $2, to_timestamp($3::float8 / 1000))
RETURNING id::text AS id`

/** In: $1 id, $2 outcome, $3 detail or null, $4 duration in ms, $5 rows or null, $6 overdue from, in ms, or null. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const END_REFRESH = `UPDATE /* holdfast */ holdfast.view_refresh SET finished_at = clock_timestamp(), outcome = $2, detail = $3, duration_ms = $4, row_count = $5,
  overdue_at = to_timestamp($6::float8 / 1000) WHERE id = $1::bigint`

/** A moment of the schedule at which the refresh before was not over. In: $1 schema, $2 name, $3 due in ms. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const NOTE_OVERLAP = `INSERT /* holdfast */ INTO holdfast.view_refresh (schema_name, view_name, due_at, finished_at, outcome, detail)
VALUES ($1, $2, to_timestamp($3::float8 / 1000), clock_timestamp(), 'overlap', 'it was due while the refresh before was still under way')`

/** Rows that are not among the last hundred of their view. In: $1 schema, $2 name. PostgreSQL 14. Locks: ROW EXCLUSIVE on the log. */
export const FORGET_REFRESHES = `DELETE /* holdfast */ FROM holdfast.view_refresh WHERE schema_name = $1 AND view_name = $2
  AND id <= (SELECT id FROM holdfast.view_refresh WHERE schema_name = $1 AND view_name = $2 ORDER BY id DESC OFFSET 100 LIMIT 1)`

/** The tags of a refresh, in its own transaction, for whoever completes them. In: $1 namespace, $2 tags as JSON in ASCII. Out: id. PostgreSQL 14.
 *  Locks: ROW EXCLUSIVE on the outbox. */
export const NOTE_TAGS = 'INSERT /* holdfast */ INTO holdfast.invalidation (namespace, tags) VALUES ($1, $2) RETURNING id::text AS id'

/** Whether the log is there and this role may read it. In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const VIEW_LOG_READABLE = `SELECT /* holdfast */ EXISTS (SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'holdfast'
  AND c.relname = 'view_refresh' AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')) AS readable`

/** The state of every view in the log: its last good refresh, the last attempt, and mean and number of the good ones. In: nothing. Out: one row a view.
 *  PostgreSQL 14. Locks: ACCESS SHARE on the log. */
export const VIEW_LOG = `SELECT /* holdfast */ schema_name AS schema, view_name AS name, (extract(epoch FROM max(finished_at) FILTER (WHERE outcome = 'refreshed')) * 1000)::float8 AS "refreshedAtMs",
  (extract(epoch FROM (array_agg(overdue_at ORDER BY id DESC) FILTER (WHERE outcome = 'refreshed'))[1]) * 1000)::float8 AS "overdueAtMs",
  (array_agg(duration_ms ORDER BY id DESC) FILTER (WHERE outcome = 'refreshed'))[1] AS "durationMs",
  (array_agg(row_count ORDER BY id DESC) FILTER (WHERE outcome = 'refreshed'))[1]::float8 AS "rowCount",
  (array_agg(coalesce(outcome, 'under way') ORDER BY id DESC))[1] AS "lastOutcome", (array_agg(detail ORDER BY id DESC))[1] AS "lastDetail",
  (extract(epoch FROM max(started_at)) * 1000)::float8 AS "lastAtMs", count(*) FILTER (WHERE outcome = 'refreshed')::int AS "refreshCount",
  coalesce(avg(duration_ms) FILTER (WHERE outcome = 'refreshed'), 0)::float8 AS "meanMs",
  (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS "nowMs"
FROM holdfast.view_refresh GROUP BY 1, 2 ORDER BY 1, 2`

export interface ViewLogRow {
  readonly schema: string
  readonly name: string
  /** Null: never, as far as the log goes. */
  readonly refreshedAtMs: number | null
  /** From when on the last good refresh is too old; null without a schedule. */
  readonly overdueAtMs: number | null
  readonly durationMs: number | null
  readonly rowCount: number | null
  /** `refreshed`, `under way`, `overlap`, `died`, `stopped`, or the code of the error. */
  readonly lastOutcome: string
  readonly lastDetail: string | null
  readonly lastAtMs: number
  readonly refreshCount: number
  readonly meanMs: number
  /** The server's clock. */
  readonly nowMs: number
}
