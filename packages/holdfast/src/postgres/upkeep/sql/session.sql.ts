/** Who this session is and where. In: nothing. Out: one row. PostgreSQL 14. Locks: none. */
export const UPKEEP_SESSION = `SELECT /* holdfast */ pg_backend_pid() AS pid, current_user::text AS role, current_database()::text AS database,
  pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS "isReadOnly"`

export interface UpkeepSessionRow {
  readonly pid: number
  readonly role: string
  readonly database: string
  readonly isReadOnly: boolean
}

/** Takes a lock of the session if it is free; never waits in the server, because a waiter in pg_advisory_lock holds a snapshot that keeps vacuum from its work.
 *  In: $1 what is locked. Out: one row. PostgreSQL 14. Locks: advisory, of the session. */
export const TRY_UPKEEP_LOCK = 'SELECT /* holdfast */ pg_try_advisory_lock(hashtextextended($1, 0)) AS taken'

/** Dates are read back as text. In: nothing. PostgreSQL 14. Locks: none. */
export const SET_DATE_STYLE = "SELECT /* holdfast */ set_config('datestyle', 'ISO', false)"

/** Ends the statement of another session of the same role. In: $1 pid. PostgreSQL 14. Locks: none. */
export const CANCEL_STATEMENT = 'SELECT /* holdfast */ pg_cancel_backend($1)'
