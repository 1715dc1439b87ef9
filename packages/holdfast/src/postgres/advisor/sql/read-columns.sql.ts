/** Columns of tables with their statistics.
 *  In: $1 oid[]. Out: one row a column; distinctCount is absolute, null without statistics; nullRatio, correlation (with the order in which rows lie, -1..1) and
 *  widthBytes null without statistics; trueRatio only for boolean columns. PostgreSQL 14. Locks: ACCESS SHARE on the catalog. */
export const READ_COLUMNS = `SELECT /* holdfast */ a.attrelid::int8::float8 AS "tableOid", a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
  EXISTS (SELECT FROM pg_opclass o JOIN pg_am m ON m.oid = o.opcmethod AND m.amname = 'btree'
    WHERE o.opcdefault AND (o.opcintype = a.atttypid OR EXISTS (SELECT FROM pg_cast k WHERE k.castsource = a.atttypid AND k.casttarget = o.opcintype AND k.castmethod = 'b')
      OR t.typtype IN ('e', 'd', 'r') OR t.typelem <> 0)) AS "hasOrder",
  CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * greatest(c.reltuples, 0) ELSE s.n_distinct END::float8 AS "distinctCount",
  s.null_frac::float8 AS "nullRatio", s.correlation::float8 AS correlation, s.avg_width::float8 AS "widthBytes",
  CASE WHEN a.atttypid = 'bool'::regtype THEN coalesce(s.most_common_freqs[array_position(s.most_common_vals::text::text[], 't')], 0) END::float8 AS "trueRatio"
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname AND NOT s.inherited
WHERE a.attrelid = ANY($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attrelid, a.attnum`

export interface ColumnRow {
  readonly tableOid: number
  readonly name: string
  readonly type: string
  readonly hasOrder: boolean
  readonly distinctCount: number | null
  readonly nullRatio: number | null
  readonly correlation: number | null
  readonly widthBytes: number | null
  readonly trueRatio: number | null
}
