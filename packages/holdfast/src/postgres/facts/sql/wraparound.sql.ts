/** How far the oldest transaction id of this database is from the one at which PostgreSQL stops to take writes, and the tables that hold it back.
 *  In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const WRAPAROUND = `SELECT /* holdfast */ age(d.datfrozenxid)::float8 AS "transactionAge", mxid_age(d.datminmxid)::float8 AS "multixactAge",
  current_setting('autovacuum_freeze_max_age')::float8 AS "freezeMaxAge",
  (SELECT json_agg(json_build_object('schema', o.nspname, 'name', o.relname, 'age', o.age) ORDER BY o.age DESC) FROM (
    SELECT n.nspname, c.relname, age(c.relfrozenxid)::float8 AS age FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND c.relpersistence <> 't'
    ORDER BY age(c.relfrozenxid) DESC LIMIT 5) o) AS oldest
FROM pg_database d WHERE d.datname = current_database()`

export interface WraparoundRow {
  readonly transactionAge: number
  readonly multixactAge: number
  readonly freezeMaxAge: number
  readonly oldest: readonly { readonly schema: string; readonly name: string; readonly age: number }[] | null
}
