/** How old the planner's knowledge of tables is.
 *  In: $1 oid[]. Out: one row a table; rowCount is -1 where the table was never analysed. PostgreSQL 14. Locks: none. */
export const TABLE_STATISTICS = `SELECT /* holdfast */ c.oid::int8::float8 AS oid, c.reltuples::float8 AS "rowCount",
  coalesce(pg_stat_get_mod_since_analyze(c.oid), 0)::float8 AS "changedCount",
  ARRAY(SELECT (SELECT array_agg(a.attname::text) FROM pg_attribute a WHERE a.attrelid = e.stxrelid AND a.attnum = ANY(e.stxkeys::int2[]))::text
    FROM pg_statistic_ext e WHERE e.stxrelid = c.oid) AS "extendedOn"
FROM pg_class c WHERE c.oid = ANY($1::oid[])`

export interface TableStatisticsRow {
  readonly oid: number
  readonly rowCount: number
  readonly changedCount: number
  /** Column sets of extended statistics, each as the text of an array. */
  readonly extendedOn: readonly string[]
}
