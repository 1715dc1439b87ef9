/** Partitions of a table by one range column that lie wholly before a moment, the oldest first, and those that somebody began to detach.
 *  In: $1 oid, $2 moment as text. Out: one row a partition. PostgreSQL 14. Locks: none. */
export const OLD_PARTITIONS = `SELECT /* holdfast */ c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name, i.inhdetachpending AS "isPending",
  coalesce(upper.bound <= $2::timestamptz, false) AS "isOld"
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT substring(pg_get_expr(c.relpartbound, c.oid) FROM 'TO \\(''(.*)''\\)$') AS text) bounds
CROSS JOIN LATERAL (SELECT CASE $3 WHEN 'timestamp with time zone' THEN bounds.text::timestamptz
  ELSE bounds.text::timestamp AT TIME ZONE 'UTC' END AS bound) upper
WHERE i.inhparent = $1::oid ORDER BY upper.bound NULLS LAST, c.relname`

export interface OldPartitionRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** A concurrent detach that was not finished. */
  readonly isPending: boolean
  readonly isOld: boolean
}

/** Where a partition stands whose detach was begun. In: $1 its oid, $2 oid of the parent. Out: one row, or none when it is gone. PostgreSQL 14. Locks: none. */
export const PARTITION_STATE = `SELECT /* holdfast */ c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name,
  i.inhrelid IS NOT NULL AS "isAttached", coalesce(i.inhdetachpending, false) AS "isPending"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND i.inhparent = $2::oid
WHERE c.oid = $1::oid AND c.relkind IN ('r', 'p')`

export interface PartitionStateRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  readonly isAttached: boolean
  readonly isPending: boolean
}

/** Takes a partition out of its table while both are read and written. Names quoted. PostgreSQL 14. Locks: SHARE UPDATE EXCLUSIVE on the table; at its end
 *  ACCESS EXCLUSIVE on the partition, once nobody uses it. */
export function detachPartition(table: string, partition: string, isPending: boolean): string {
  return `ALTER TABLE ${table} DETACH PARTITION ${partition} ${isPending ? 'FINALIZE' : 'CONCURRENTLY'}`
}
