/** Sequences that count up and stop at their end, with the limit that is reached first: their own, or that of the column they feed.
 *  In: nothing. Out: one row a sequence; lastValue is null before the first use and for a sequence that the role may not read. PostgreSQL 14. Locks: ACCESS SHARE. */
export const SEQUENCE_HEALTH = `SELECT /* holdfast */ s.schemaname::text AS schema, s.sequencename::text AS name, s.last_value::float8 AS "lastValue", s.max_value::float8 AS "maxValue",
  has_sequence_privilege(c.oid, 'SELECT, USAGE') AS "mayRead", o.table AS table, o.column AS column, o.type AS "columnType",
  CASE o.type WHEN 'smallint' THEN 32767 WHEN 'integer' THEN 2147483647 ELSE 9223372036854775807 END::float8 AS "columnMax"
FROM pg_sequences s JOIN pg_class c ON c.oid = (quote_ident(s.schemaname) || '.' || quote_ident(s.sequencename))::regclass
LEFT JOIN LATERAL (SELECT (quote_ident(n.nspname) || '.' || quote_ident(t.relname))::text AS table, a.attname::text AS column, format_type(a.atttypid, NULL)::text AS type
  FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace n ON n.oid = t.relnamespace JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') LIMIT 1) o ON true
WHERE s.increment_by > 0 AND NOT s.cycle AND has_schema_privilege(s.schemaname, 'USAGE') AND s.schemaname !~ '^(pg_|holdfast$)'`

export interface SequenceHealthRow {
  readonly schema: string
  readonly name: string
  readonly lastValue: number | null
  readonly maxValue: number
  readonly mayRead: boolean
  /** Table that it feeds, quoted; null when nothing owns it. */
  readonly table: string | null
  readonly column: string | null
  readonly columnType: string | null
  readonly columnMax: number
}
