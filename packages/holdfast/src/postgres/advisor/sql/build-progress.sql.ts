/** How far the index build of one backend is, and whom it waits for.
 *  In: $1 pid. Out: no row before and after the build. PostgreSQL 14. Locks: none. */
export const BUILD_PROGRESS = `SELECT /* holdfast */ phase::text AS phase, blocks_done::float8 AS "blocksDone", blocks_total::float8 AS "blocksTotal",
  pg_blocking_pids(pid)::int[] AS "blockingPids" FROM pg_stat_progress_create_index WHERE pid = $1`

export interface BuildProgressRow {
  readonly phase: string
  readonly blocksDone: number
  readonly blocksTotal: number
  readonly blockingPids: readonly number[]
}
