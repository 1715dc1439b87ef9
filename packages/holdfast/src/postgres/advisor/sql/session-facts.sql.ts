/** Who this session is. In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const SESSION_FACTS = 'SELECT /* holdfast */ pg_backend_pid() AS pid, current_user::text AS role, current_database()::text AS database'

export interface SessionFactsRow {
  readonly pid: number
  readonly role: string
  readonly database: string
}

/** Takes the lock that lets one index change run at a time, if it is free; never waits, because a waiter in pg_advisory_lock holds a snapshot that the
 *  build of the holder waits for (40P01). In: nothing. Out: one row. PostgreSQL 14. Locks: advisory, of the session. */
export const TRY_ACTION_LOCK = "SELECT /* holdfast */ pg_try_advisory_lock(hashtextextended('holdfast:index-change', 0)) AS taken"

/** Bounds for the statements that follow. In: $1 lock_timeout, $2 statement_timeout, both in ms. PostgreSQL 14. Locks: none. */
export const SET_LIMITS = "SELECT /* holdfast */ set_config('lock_timeout', $1, false), set_config('statement_timeout', $2, false)"
