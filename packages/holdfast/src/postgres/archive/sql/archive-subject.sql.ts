/** The table that is archived, as the search path of this session finds it, and what this role may do. A schema that the role may not use hides its tables.
 *  In: $1 schema or null, $2 name, $3 name quoted. Out: one row, or none. PostgreSQL 14. Locks: none on user tables. */
export const ARCHIVE_SUBJECT = `SELECT /* holdfast */ c.oid::int8::float8 AS oid, n.nspname::text AS schema, c.relname::text AS name, c.relkind::text AS kind,
  pg_get_userbyid(c.relowner)::text AS owner, pg_has_role(c.relowner, 'USAGE') AS "isOwner", greatest(c.reltuples, 0)::float8 AS "rowEstimate",
  has_table_privilege(c.oid, 'SELECT') AS "maySelect", has_table_privilege(c.oid, 'UPDATE') AS "mayUpdate", has_table_privilege(c.oid, 'DELETE') AS "mayDelete",
  coalesce((SELECT array_agg(a.attname::text ORDER BY k.at) FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, at)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum WHERE k.at <= i.indnkeyatts), '{}') AS "keyColumns",
  p.partstrat::text AS "partitionStrategy", p.partdefid <> 0 AS "hasDefaultPartition",
  CASE WHEN p.partnatts = 1 THEN (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = p.partattrs[0]) END AS "partitionColumn"
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary AND i.indisvalid
LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid
WHERE c.oid = CASE WHEN $1::text IS NULL THEN to_regclass($3)::oid
  ELSE (SELECT k.oid FROM pg_class k JOIN pg_namespace m ON m.oid = k.relnamespace
    WHERE m.nspname = $1 AND k.relname = $2 AND has_schema_privilege(m.oid, 'USAGE')) END`

export interface ArchiveSubjectRow {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** `r` table, `p` partitioned table, `v`, `m`, `f`, ... */
  readonly kind: string
  readonly owner: string
  readonly isOwner: boolean
  readonly rowEstimate: number
  readonly maySelect: boolean
  readonly mayUpdate: boolean
  readonly mayDelete: boolean
  /** Of the primary key, in its order. */
  readonly keyColumns: readonly string[]
  /** `r` range, `l` list, `h` hash; null when it is not partitioned. */
  readonly partitionStrategy: string | null
  readonly hasDefaultPartition: boolean | null
  /** Null when the key has several columns or is an expression. */
  readonly partitionColumn: string | null
}

/** Columns of a table in order. `bareType` has no length, for a cast that must not cut. In: $1 oid. Out: one row a column. PostgreSQL 14. Locks: none. */
export const ARCHIVE_COLUMNS = `SELECT /* holdfast */ attname::text AS name, format_type(atttypid, atttypmod) AS type, format_type(atttypid, -1) AS "bareType",
  attgenerated <> '' AS "isGenerated" FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum`

export interface ArchiveColumnRow {
  readonly name: string
  readonly type: string
  readonly bareType: string
  readonly isGenerated: boolean
}

/** Foreign keys that refer to a table. Those that a partition has of its parent's are the same key. In: $1 oid. Out: one row a key. PostgreSQL 14.
 *  Locks: none. */
export const ARCHIVE_REFERENCES = `SELECT /* holdfast */ f.conname::text AS name, n.nspname::text AS schema, c.relname::text AS table, f.conrelid = f.confrelid AS "isSelf",
  f.confdeltype::text AS "onDelete",
  (SELECT array_agg(a.attname::text ORDER BY k.at) FROM unnest(f.conkey) WITH ORDINALITY AS k(attnum, at)
    JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum) AS columns,
  (SELECT array_agg(a.attname::text ORDER BY k.at) FROM unnest(f.confkey) WITH ORDINALITY AS k(attnum, at)
    JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum) AS "referredColumns"
FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE f.contype = 'f' AND f.confrelid = $1::oid
  AND NOT EXISTS (SELECT FROM pg_constraint o WHERE o.oid = f.conparentid AND o.confrelid = f.confrelid)
ORDER BY 2, 3, 1`

export interface ArchiveReferenceRow {
  readonly name: string
  readonly schema: string
  readonly table: string
  readonly isSelf: boolean
  /** `a` no action, `r` restrict, `c` cascade, `n` set null, `d` set default. */
  readonly onDelete: string
  readonly columns: readonly string[]
  readonly referredColumns: readonly string[]
}
