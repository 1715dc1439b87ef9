/** Refreshes of materialized views, one row each. Migration 5: databases hold its checksum, so it is never changed. A row without an end is under way, or of
 *  a process that died. PostgreSQL 14. Locks: only on what it creates. */
export const VIEW_LOG_SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS holdfast.view_refresh (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema_name text NOT NULL,
  view_name text NOT NULL,
  due_at timestamptz,
  overdue_at timestamptz,
  who text NOT NULL DEFAULT current_user,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  duration_ms double precision,
  row_count bigint,
  outcome text,
  detail text
)`,
  'CREATE INDEX IF NOT EXISTS view_refresh_view ON holdfast.view_refresh (schema_name, view_name, id)',
]
