/** Settings of a session with a lab: names mean the lab's copies first; scans begin at the beginning; an index is built by one process, so that the application
 *  keeps the other cores, in as much memory as the server allows or 128 MB; what a copy writes goes to the disk as it comes and not all at once at a checkpoint, and its
 *  commits do not wait for the disk, so that those of the application need not wait behind them.
 *  In: $1 the lab's schema, quoted. Out: one row. PostgreSQL 14. Locks: none. */
export const LAB_SESSION = `SELECT /* holdfast */ set_config('lock_timeout', '1000', false), set_config('synchronize_seqscans', 'off', false),
  set_config('max_parallel_maintenance_workers', '0', false), set_config('backend_flush_after', '512kB', false), set_config('synchronous_commit', 'off', false),
  set_config('maintenance_work_mem', greatest(131072, (SELECT setting::int8 FROM pg_settings WHERE name = 'maintenance_work_mem'))::text, false),
  set_config('search_path', $1 || ', ' || current_setting('search_path'), false), current_setting('server_version_num')::int4 AS "serverVersion"`

export interface LabSessionRow {
  readonly serverVersion: number
}

/** Bounds the statements that follow. In: $1 ms, 0 for none. Out: one row. PostgreSQL 14. Locks: none. */
export const SET_STATEMENT_LIMIT = "SELECT /* holdfast */ set_config('statement_timeout', $1, false)"
