/** How many connections the server has for ordinary roles, and how many of them there are now, this one included. `numbackends` is open to every role, unlike the rows of
 *  pg_stat_activity, and counts workers too. `reserved_connections` is of PostgreSQL 16. Out: one row. PostgreSQL 14. Locks: none. */
export const SERVER_CONNECTIONS = `SELECT /* holdfast */ current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
  - coalesce(current_setting('reserved_connections', true)::int, 0) AS allowed,
  (SELECT sum(numbackends)::int FROM pg_stat_database) AS used`

export interface ServerConnectionsRow {
  readonly allowed: number
  readonly used: number
}
