/** Connections of the whole server by who opened them. In: nothing. Out: one row an application, role and database, most first, at most 100. PostgreSQL 14.
 *  Locks: none. Rights: without pg_read_all_stats the state of other roles' sessions is null and counts as unknown. */
export const CONNECTION_GROUPS = `SELECT /* holdfast */ coalesce(nullif(a.application_name, ''), 'unnamed')::text AS application, coalesce(a.usename, '')::text AS role,
  coalesce(a.datname, '')::text AS database, count(*)::float8 AS total,
  count(*) FILTER (WHERE a.state = 'active')::float8 AS active, count(*) FILTER (WHERE a.state = 'idle')::float8 AS idle,
  count(*) FILTER (WHERE a.state LIKE 'idle in transaction%')::float8 AS "idleInTransaction", count(*) FILTER (WHERE a.state IS NULL)::float8 AS unknown
FROM pg_stat_activity a WHERE a.backend_type = 'client backend' OR a.backend_type IS NULL
GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2, 3 LIMIT 100`

export interface ConnectionGroupRow {
  readonly application: string
  readonly role: string
  readonly database: string
  readonly total: number
  readonly active: number
  readonly idle: number
  readonly idleInTransaction: number
  readonly unknown: number
}

/** How many connections the server takes and has. pg_stat_database counts them for every role. In: nothing. Out: one row. PostgreSQL 14
 *  (reserved_connections: 16). Locks: none. */
export const CONNECTION_LIMITS = `SELECT /* holdfast */ current_setting('max_connections')::float8 AS max,
  (current_setting('superuser_reserved_connections')::int + coalesce(current_setting('reserved_connections', true), '0')::int)::float8 AS reserved,
  (SELECT sum(s.numbackends) FROM pg_stat_database s)::float8 AS used,
  (SELECT d.datconnlimit FROM pg_database d WHERE d.datname = current_database())::float8 AS "databaseLimit",
  (SELECT r.rolconnlimit FROM pg_roles r WHERE r.rolname = current_user)::float8 AS "roleLimit",
  coalesce((SELECT pg_has_role(r.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = 'pg_read_all_stats'), false) AS "maySeeAll"`

export interface ConnectionLimitsRow {
  readonly max: number
  readonly reserved: number
  readonly used: number
  readonly databaseLimit: number
  readonly roleLimit: number
  readonly maySeeAll: boolean
}
