/** Where the write-ahead log of the primary ends. The insert position, not the flush or the write position: with `synchronous_commit = off` COMMIT answers before its
 *  record is written, and only this one is certainly behind it. Just after the header of a page (24 bytes; 40 at the start of a segment) stands for the end of the
 *  page before, where the last record really ended: a replica reaches the former only with the next record. @source PostgreSQL 18, access/xlog_internal.h,
 *  XLogPageHeaderData and XLogLongPageHeaderData
 *  Out: one row; `position` is null on a server that is in recovery. PostgreSQL 14. Locks: none. */
export const PRIMARY_POSITION = `SELECT /* holdfast */ CASE
  WHEN (at - '0/0') % pg_size_bytes(current_setting('wal_segment_size')) = 40 THEN at - 40
  WHEN (at - '0/0') % current_setting('wal_block_size')::int = 24 THEN at - 24
  ELSE at END::text AS position
FROM (SELECT CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END AS at) AS wal`

export interface PrimaryPositionRow {
  readonly position: string | null
}

/** COMMIT and the position after it, in one message and thus one round trip. Out: the first result is COMMIT's, the second as of {@link PRIMARY_POSITION}. */
export const COMMIT_WITH_POSITION: string = `COMMIT; ${PRIMARY_POSITION}`
