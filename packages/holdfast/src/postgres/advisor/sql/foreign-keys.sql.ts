/** Foreign keys, with the counters of the table that they point to.
 *  In: nothing. Out: one row a foreign key, those of partitions left out. PostgreSQL 14. Locks: ACCESS SHARE on the catalog. */
export const FOREIGN_KEYS = `SELECT /* holdfast */ k.conname::text AS name, k.conrelid::int8::float8 AS "tableOid", n.nspname::text AS schema, t.relname::text AS table, t.relkind::text AS kind,
  greatest(t.reltuples, 0)::float8 AS "rowCount", t.relpages::float8 AS "pageCount",
  (SELECT array_agg(a.attname::text ORDER BY u.at) FROM unnest(k.conkey) WITH ORDINALITY u(attnum, at) JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum)::text[] AS columns,
  pn.nspname::text AS "parentSchema", p.relname::text AS "parentTable",
  (SELECT array_agg(a.attname::text ORDER BY u.at) FROM unnest(k.confkey) WITH ORDINALITY u(attnum, at) JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.attnum)::text[] AS "parentColumns",
  coalesce(s.n_tup_del, 0)::float8 AS "parentDeleteCount"
FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_class p ON p.oid = k.confrelid
JOIN pg_namespace pn ON pn.oid = p.relnamespace LEFT JOIN pg_stat_all_tables s ON s.relid = k.confrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND n.nspname !~ '^(pg_|holdfast$|holdfast_lab_)'`

export interface ForeignKeyRow {
  readonly name: string
  readonly tableOid: number
  readonly schema: string
  readonly table: string
  readonly kind: string
  readonly rowCount: number
  readonly pageCount: number
  readonly columns: readonly string[]
  readonly parentSchema: string
  readonly parentTable: string
  readonly parentColumns: readonly string[]
  readonly parentDeleteCount: number
}
