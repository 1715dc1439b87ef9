/** Where pg_stat_statements is installed, if it is.
 *  In: nothing. Out: one row. PostgreSQL 14. Locks: ACCESS SHARE on the catalog. */
export const STATEMENTS_EXTENSION = `SELECT /* holdfast */
  (SELECT n.nspname::text FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_stat_statements') AS schema,
  has_database_privilege(current_database(), 'CREATE') AS "mayCreate",
  (SELECT pg_has_role(r.oid, 'USAGE') FROM pg_roles r WHERE r.rolname = 'pg_read_all_stats') AS "mayReadAll",
  current_user::text AS role, current_database()::text AS database`

export interface StatementsExtensionRow {
  readonly schema: string | null
  readonly mayCreate: boolean
  readonly mayReadAll: boolean
  readonly role: string
  readonly database: string
}
