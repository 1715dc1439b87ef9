/** Claims the job's row for an attempt and locks it until the end of the transaction. In: namespace, queue, job, start, holder, whether this attempt has claimed
 *  before (then it must still be the holder). Out: one row, or none when a later attempt has come. PostgreSQL 14. Locks: the row. */
export const CLAIM_FENCE = `INSERT INTO holdfast.job_fence AS f (namespace, queue, job_id, start, holder) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (namespace, queue, job_id) DO UPDATE SET start = excluded.start, holder = excluded.holder, touched_at = now()
WHERE f.holder = excluded.holder OR (f.start <= excluded.start AND NOT $6::boolean)
RETURNING done_at IS NOT NULL AS done`

/** In: namespace, queue, job. PostgreSQL 14. Locks: the row, held already. */
export const MARK_DONE = `UPDATE holdfast.job_fence SET done_at = clock_timestamp() WHERE namespace = $1 AND queue = $2 AND job_id = $3`

/** Removes rows that no attempt has touched for so long that none can come any more. In: namespace, age in ms, rows at most. PostgreSQL 14. Locks: those rows. */
export const FORGET_FENCES = `DELETE FROM holdfast.job_fence WHERE (namespace, queue, job_id) IN (
  SELECT namespace, queue, job_id FROM holdfast.job_fence WHERE namespace = $1 AND touched_at < now() - $2 * interval '1 millisecond'
  ORDER BY touched_at LIMIT $3 FOR UPDATE SKIP LOCKED)`
