/** Ends a session and waits until it is gone, 2 s at most. In: $1 pid. Out: one row. PostgreSQL 14. Locks: none. */
export const END_SESSION = 'SELECT /* holdfast */ pg_terminate_backend($1, 2000) AS "isGone"'
