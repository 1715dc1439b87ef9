/** The progress of archive runs, one row a run. Migration 4: databases hold its checksum, so it is never changed. Updated with each batch, in the batch's own
 *  statement, and small: the free half of each page keeps those updates HOT. PostgreSQL 14. Locks: only on what it creates. */
export const ARCHIVE_SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS holdfast.archive_run (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  policy text NOT NULL,
  definition text NOT NULL,
  due_at timestamptz,
  cutoff text,
  position text[],
  pass integer NOT NULL DEFAULT 1,
  pass_rows bigint NOT NULL DEFAULT 0,
  pass_skipped bigint NOT NULL DEFAULT 0,
  row_count bigint NOT NULL DEFAULT 0,
  batch_count bigint NOT NULL DEFAULT 0,
  batch_rows integer NOT NULL,
  partition_oid oid,
  partitions text[] NOT NULL DEFAULT '{}',
  who text NOT NULL DEFAULT current_user,
  started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  outcome text
) WITH (fillfactor = 50)`,
  'CREATE INDEX IF NOT EXISTS archive_run_policy ON holdfast.archive_run (policy, id)',
]
