/** Tables of `holdfast/jobs`. `job_outbox`: jobs of transactions until the queue has them; `refused` says why one of them cannot be handed over. `job_fence`: the latest
 *  attempt of a job that came to write, and whether its effect is committed. Migration 8: databases hold its checksum, so it is never changed. PostgreSQL 14.
 *  Locks: only on what it creates. */
export const JOBS_SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS holdfast.job_outbox (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id text NOT NULL,
  namespace text NOT NULL,
  queue text NOT NULL,
  name text NOT NULL,
  data text NOT NULL,
  options jsonb NOT NULL,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  refused text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)`,
  `CREATE TABLE IF NOT EXISTS holdfast.job_fence (
  namespace text NOT NULL,
  queue text NOT NULL,
  job_id text NOT NULL,
  start integer NOT NULL,
  holder uuid NOT NULL,
  touched_at timestamptz NOT NULL DEFAULT now(),
  done_at timestamptz,
  PRIMARY KEY (namespace, queue, job_id)
)`,
  'CREATE INDEX IF NOT EXISTS job_fence_touched_idx ON holdfast.job_fence (namespace, touched_at)',
]
