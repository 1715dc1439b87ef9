/** Functions, operators and casts by which a SELECT may do more than read: those marked volatile, the server's harmless ones left out. A name counts whatever
 *  its schema and arguments, because which of several is called is only known to the server. Aggregates count by their parts. Casts are not visible in a
 *  statement, so every one of the database that calls a volatile function counts.
 *  In: $1 text[] of functions, $2 of operators, $3 of attributes. Out: one row a suspect. PostgreSQL 14. Locks: ACCESS SHARE on the catalog. */
export const UNPROVEN_CALLS = `WITH volatile AS (
  SELECT p.oid, p.proname::text AS name, p.pronargs, p.proargtypes FROM pg_proc p WHERE p.provolatile = 'v' AND p.prokind IN ('f', 'w', 'p')
    AND NOT (p.pronamespace = 'pg_catalog'::regnamespace AND p.proname IN ('random', 'clock_timestamp', 'timeofday', 'gen_random_uuid', 'uuidv7', 'uuidv4')))
SELECT /* holdfast */ name || '()' AS what FROM volatile WHERE name = ANY($1::text[])
UNION SELECT p.proname || '()' FROM pg_aggregate a JOIN pg_proc p ON p.oid = a.aggfnoid
  WHERE p.proname = ANY($1::text[]) AND EXISTS (SELECT FROM volatile v WHERE v.oid IN (a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggmtransfn, a.aggmfinalfn))
UNION SELECT 'the operator ' || o.oprname FROM pg_operator o JOIN volatile v ON v.oid = o.oprcode WHERE o.oprname = ANY($2::text[])
UNION SELECT v.name || '()' FROM volatile v JOIN pg_type t ON t.oid = v.proargtypes[0] WHERE v.pronargs = 1 AND t.typtype = 'c' AND v.name = ANY($3::text[])
UNION SELECT 'a cast by ' || v.name || '()' FROM pg_cast c JOIN volatile v ON v.oid = c.castfunc
ORDER BY 1`

export interface UnprovenCallRow {
  readonly what: string
}
