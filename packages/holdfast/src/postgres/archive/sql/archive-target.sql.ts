/** Whether this role may write an archive table. In: $1 oid. Out: one row. PostgreSQL 14. Locks: none. */
export const ARCHIVE_TARGET_RIGHTS = `SELECT /* holdfast */ has_table_privilege(oid, 'INSERT') AND has_table_privilege(oid, 'SELECT') AS "mayWrite"
FROM pg_class WHERE oid = $1::oid`

export interface ArchiveTargetRightsRow {
  readonly mayWrite: boolean
}

/** An archive table like `table`: its columns with their types and NOT NULL, its primary key, and when each row came. Generated and identity columns become
 *  plain ones, for their values are kept. All names quoted. PostgreSQL 14. Locks: ACCESS SHARE on the table. */
export function createArchiveTable(archive: string, table: string, key: readonly string[], archivedAt: string | undefined): string {
  const stamp = archivedAt === undefined ? '' : `, ${archivedAt} timestamptz NOT NULL DEFAULT now()`
  return `CREATE TABLE IF NOT EXISTS ${archive} (LIKE ${table}, PRIMARY KEY (${key.join(', ')})${stamp})`
}
