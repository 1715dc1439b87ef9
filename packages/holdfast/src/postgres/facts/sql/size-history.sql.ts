/** Whether the history of sizes is there, and what the role may do with it. Looked up in the catalog, because to_regclass fails on a schema that the role may not use.
 *  In: nothing. Out: one row, or none when there is no table. PostgreSQL 14. Locks: none. */
export const SIZE_HISTORY_EXISTS = `SELECT /* holdfast */ has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') AS "mayRead",
  has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'DELETE') AS "mayWrite"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'holdfast' AND c.relname = 'size_history' AND c.relkind = 'r'`

export interface SizeHistoryExistsRow {
  readonly mayRead: boolean
  readonly mayWrite: boolean
}

/** The history: one row an hour, whoever writes it. Migration 3: databases hold its checksum, so it is never changed. PostgreSQL 14.
 *  Locks: only on what it creates. */
export const SIZE_HISTORY_SCHEMA: readonly string[] = [
  `CREATE TABLE IF NOT EXISTS holdfast.size_history (
  at timestamptz PRIMARY KEY,
  database_bytes bigint NOT NULL,
  tables jsonb NOT NULL
)`,
]

/** Adds the row of this hour unless somebody has. In: $1 bytes, $2 jsonb list of { name, bytes }. PostgreSQL 14. Locks: ROW EXCLUSIVE on the history. */
export const WRITE_SIZE = `INSERT /* holdfast */ INTO holdfast.size_history (at, database_bytes, tables) VALUES (date_trunc('hour', now()), $1::float8::int8, $2::jsonb)
ON CONFLICT (at) DO NOTHING`

/** Keeps 14 days by the hour and two years by the day: at most 1,100 rows. In: nothing. PostgreSQL 14. Locks: ROW EXCLUSIVE on the history. */
export const THIN_SIZES = `DELETE /* holdfast */ FROM holdfast.size_history h WHERE h.at < now() - interval '730 days'
  OR (h.at < now() - interval '14 days' AND EXISTS (SELECT FROM holdfast.size_history e WHERE e.at < h.at AND e.at >= date_trunc('day', h.at)))`

/** The history, oldest first. In: nothing. Out: at most 1,100 rows. PostgreSQL 14. Locks: ACCESS SHARE on the history. */
export const READ_SIZES = `SELECT /* holdfast */ (extract(epoch FROM at) * 1000)::float8 AS "atMs", database_bytes::float8 AS "sizeBytes", tables
FROM (SELECT * FROM holdfast.size_history ORDER BY at DESC LIMIT 1100) newest ORDER BY at`

export interface SizeRow {
  readonly atMs: number
  readonly sizeBytes: number
  readonly tables: readonly { readonly name: string; readonly bytes: number }[]
}
