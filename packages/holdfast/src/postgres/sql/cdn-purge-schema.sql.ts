/** Purges that wait for a CDN, and how many requests each may still send. Migration 7: databases hold its checksum, so it is never changed. Vacuumed by number, since
 *  rows live for seconds. PostgreSQL 14. Locks: only on what it creates. */
export const CDN_PURGE_SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS holdfast.cdn_purge (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  namespace text NOT NULL,
  provider text NOT NULL,
  lane text NOT NULL,
  subject text NOT NULL,
  round smallint NOT NULL DEFAULT 1,
  attempts integer NOT NULL DEFAULT 0,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  due_at timestamptz NOT NULL,
  dead_at timestamptz,
  reason text
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000)`,
  `CREATE INDEX IF NOT EXISTS cdn_purge_due ON holdfast.cdn_purge (namespace, provider, lane, due_at) WHERE dead_at IS NULL`,
  `CREATE TABLE IF NOT EXISTS holdfast.cdn_bucket (
  provider text NOT NULL,
  bucket text NOT NULL,
  tokens double precision NOT NULL,
  filled_at timestamptz NOT NULL,
  paused_until timestamptz,
  PRIMARY KEY (provider, bucket)
)`,
]
