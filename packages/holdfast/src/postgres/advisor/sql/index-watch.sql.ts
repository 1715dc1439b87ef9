/** Remembers since when an index has not been scanned, because PostgreSQL knows neither when an index was made nor, before 16, when it was last used.
 *  Migration 6: databases hold its checksum, so it is never changed. PostgreSQL 14. Locks: only on what it creates. */
export const INDEX_WATCH_SCHEMA = `CREATE TABLE IF NOT EXISTS holdfast.index_watch (
  index_oid oid PRIMARY KEY,
  definition_hash text NOT NULL,
  scan_count double precision NOT NULL,
  since timestamptz NOT NULL
)`

/** Notes what the counters say now: an index that was scanned, rebuilt under the same number, or is new begins anew; one that is gone is forgotten.
 *  In: $1 oid[], $2 text[] hashes of the definitions, $3 float8[] scans, $4 now in ms. Out: one row an index, since when its scans stand still.
 *  PostgreSQL 14. Locks: ROW EXCLUSIVE on the table. */
export const WATCH_INDEXES = `WITH now AS (SELECT * FROM unnest($1::oid[], $2::text[], $3::float8[]) AS n(index_oid, definition_hash, scan_count)),
  gone AS (DELETE FROM holdfast.index_watch WHERE index_oid NOT IN (SELECT index_oid FROM now)),
  noted AS (INSERT INTO holdfast.index_watch AS w (index_oid, definition_hash, scan_count, since)
    SELECT index_oid, definition_hash, scan_count, to_timestamp($4::float8 / 1000) FROM now
    ON CONFLICT (index_oid) DO UPDATE SET definition_hash = excluded.definition_hash, scan_count = excluded.scan_count, since = excluded.since
    WHERE w.definition_hash <> excluded.definition_hash OR w.scan_count <> excluded.scan_count RETURNING w.index_oid, w.since)
SELECT /* holdfast */ index_oid::int8::float8 AS oid, (extract(epoch FROM since) * 1000)::float8 AS "sinceMs" FROM (
  SELECT index_oid, since FROM noted UNION ALL SELECT w.index_oid, w.since FROM holdfast.index_watch w WHERE w.index_oid NOT IN (SELECT index_oid FROM noted)) all_rows`

export interface IndexWatchRow {
  readonly oid: number
  readonly sinceMs: number
}
