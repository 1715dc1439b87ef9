/** Which of these functions may do more than read. Known harmless ones of the server are left out.
 *  In: $1 text[] of names. Out: one row a name. PostgreSQL 14. Locks: ACCESS SHARE on the catalog. */
export const VOLATILE_FUNCTIONS = `SELECT DISTINCT /* holdfast */ p.proname::text AS name FROM pg_proc p
WHERE p.proname = ANY($1::text[]) AND p.provolatile = 'v'
  AND NOT (p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN ('random', 'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv7', 'uuidv4'))`

export interface VolatileFunctionRow {
  readonly name: string
}
