/** Settings of the transaction that plans and runs a statement. standard_conforming_strings is pinned, because the text was parsed under it: with another
 *  value a quote could end elsewhere for the server than it did for the parser.
 *  In: $1 statement_timeout, $2 lock_timeout, both in ms. Out: one row. PostgreSQL 14. Locks: none. */
export const LIMIT_TRANSACTION = `SELECT /* holdfast */ set_config('statement_timeout', $1, true), set_config('lock_timeout', $2, true),
  set_config('standard_conforming_strings', 'on', true)`

/** Memory of one sort or hash, for the rest of the savepoint. In: $1 for example '64MB'. Out: one row. PostgreSQL 14. Locks: none. */
export const SET_WORK_MEM = "SELECT /* holdfast */ set_config('work_mem', $1, true)"
