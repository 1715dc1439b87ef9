/** Labs whose session is gone. A living lab's session holds the advisory lock of its name, so a lock that can be had says that nobody uses the lab.
 *  In: nothing. Out: one row a leftover; its lock is now held by this session. PostgreSQL 14. Locks: advisory, by try only. */
export const LAB_LEFTOVERS = `SELECT /* holdfast */ nspname::text AS name FROM pg_namespace
WHERE nspname LIKE 'holdfast\\_lab\\_%' AND pg_has_role(nspowner, 'USAGE') AND pg_try_advisory_lock(hashtextextended(nspname, 0))`

export interface LabLeftoverRow {
  readonly name: string
}
