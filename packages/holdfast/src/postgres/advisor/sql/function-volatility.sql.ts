/** How stable these functions are: the least stable of all functions of the name. Known harmless ones of the server that are volatile count as stable.
 *  In: $1 text[] of names. Out: one row a name; volatility is i, s or v. PostgreSQL 14. Locks: ACCESS SHARE on the catalog. */
export const FUNCTION_VOLATILITY = `SELECT /* holdfast */ p.proname::text AS name, max(CASE WHEN p.pronamespace = 'pg_catalog'::regnamespace
  AND p.proname IN ('random', 'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv7', 'uuidv4') THEN 's' ELSE p.provolatile::text END) AS volatility
FROM pg_proc p WHERE p.proname = ANY($1::text[]) GROUP BY p.proname`

export interface FunctionVolatilityRow {
  readonly name: string
  readonly volatility: string
}
