/** Materialized views of which the log of refreshes holds a good one, with when that one is too old. PostgreSQL itself keeps no time of a refresh.
 *  In: nothing. Out: one row a view that is still there. PostgreSQL 14. Locks: ACCESS SHARE on the log. */
export const VIEW_REFRESHES = `SELECT /* holdfast */ r.schema_name AS schema, r.view_name AS name, (extract(epoch FROM r.finished_at) * 1000)::float8 AS "refreshedMs",
  (extract(epoch FROM r.overdue_at) * 1000)::float8 AS "overdueMs", r.duration_ms AS "durationMs", r.row_count::float8 AS "rowCount",
  (SELECT count(*)::int FROM holdfast.view_refresh f WHERE f.schema_name = r.schema_name AND f.view_name = r.view_name AND f.id > r.id AND f.finished_at IS NOT NULL) AS "failedSince",
  (SELECT f.outcome FROM holdfast.view_refresh f WHERE f.schema_name = r.schema_name AND f.view_name = r.view_name AND f.id > r.id ORDER BY f.id DESC LIMIT 1) AS "lastOutcome",
  EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL) AS "hasUniqueIndex"
FROM (SELECT DISTINCT ON (schema_name, view_name) * FROM holdfast.view_refresh WHERE outcome = 'refreshed' ORDER BY schema_name, view_name, id DESC) r
JOIN pg_namespace n ON n.nspname = r.schema_name JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = r.view_name AND c.relkind = 'm'`

export interface ViewRefreshRow {
  readonly schema: string
  readonly name: string
  readonly refreshedMs: number
  /** From when on that refresh is too old; null for a view without a schedule. */
  readonly overdueMs: number | null
  readonly durationMs: number | null
  readonly rowCount: number | null
  /** Attempts since the good one. */
  readonly failedSince: number
  /** Of the last attempt since; null when there was none. */
  readonly lastOutcome: string | null
  readonly hasUniqueIndex: boolean
}
