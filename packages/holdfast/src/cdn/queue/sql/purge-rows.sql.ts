/** Due at the next multiple of $5 ms that is at least half of it away. In: $1 namespace, $2 providers, $3 lanes, $4 subjects, $5 stretch in ms. PostgreSQL 14. Locks: none that others wait for. */
export const ADD_PURGES = `INSERT /* holdfast */ INTO holdfast.cdn_purge (namespace, provider, lane, subject, due_at)
SELECT $1, new.provider, new.lane, new.subject, to_timestamp(ceil(extract(epoch FROM clock_timestamp()) * 1000 / $5::float8 + 0.5) * $5::float8 / 1000)
FROM unnest($2::text[], $3::text[], $4::text[]) AS new (provider, lane, subject)`

/** Takes purges that are due and the tokens for them, or nothing while there is none; for many it may go into debt. In: $1 namespace, $2 provider, $3 lane, $4 most rows,
 *  $5 bucket, $6 its size, $7 tokens a second, $8 lease in ms, $9 whether each row costs a token, else all of them one. Out: the rows in hand. PostgreSQL 14. Locks: the rows, and the bucket's, for this statement. */
export const TAKE_PURGES = `WITH /* holdfast */ due AS (
  SELECT id FROM holdfast.cdn_purge
  WHERE namespace = $1 AND provider = $2 AND lane = $3 AND dead_at IS NULL AND due_at <= clock_timestamp() ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED),
cost AS (SELECT CASE WHEN $9 THEN count(*) ELSE 1 END AS tokens FROM due HAVING count(*) > 0),
token AS (
  INSERT INTO holdfast.cdn_bucket AS b (provider, bucket, tokens, filled_at) SELECT $2, $5, $6::float8 - cost.tokens, clock_timestamp() FROM cost
  ON CONFLICT (provider, bucket) DO UPDATE SET filled_at = clock_timestamp(),
    tokens = least($6::float8, b.tokens + greatest(0, extract(epoch FROM clock_timestamp() - b.filled_at)) * $7::float8) - (SELECT cost.tokens FROM cost)
  WHERE least($6::float8, b.tokens + greatest(0, extract(epoch FROM clock_timestamp() - b.filled_at)) * $7::float8) >= 1
    AND (b.paused_until IS NULL OR b.paused_until <= clock_timestamp())
  RETURNING 1)
UPDATE holdfast.cdn_purge SET due_at = clock_timestamp() + $8 * interval '1 millisecond', attempts = attempts + 1
WHERE id IN (SELECT id FROM due) AND EXISTS (SELECT FROM token)
RETURNING id::text AS id, subject, round::int AS round, attempts`

/** In: $1 ids, $2 ms until round 2, 0 for none. PostgreSQL 14. Locks: the rows. */
export const DONE_PURGES = `WITH /* holdfast */ gone AS (DELETE FROM holdfast.cdn_purge WHERE id = ANY ($1::bigint[]) AND (round <> 1 OR $2::float8 = 0))
UPDATE holdfast.cdn_purge SET round = 2, attempts = 0, due_at = clock_timestamp() + $2::float8 * interval '1 millisecond'
WHERE id = ANY ($1::bigint[]) AND round = 1 AND $2::float8 > 0`

/** In: $1 ids, $2 lane, $3 due in ms, $4 attempts to take back. PostgreSQL 14. Locks: the rows. */
export const RETRY_PURGES = `UPDATE /* holdfast */ holdfast.cdn_purge SET lane = $2, due_at = clock_timestamp() + $3 * interval '1 millisecond', attempts = attempts - $4::int
WHERE id = ANY ($1::bigint[])`

/** In: $1 ids, $2 reason. PostgreSQL 14. Locks: the rows. */
export const BURY_PURGES = 'UPDATE /* holdfast */ holdfast.cdn_purge SET dead_at = clock_timestamp(), reason = $2 WHERE id = ANY ($1::bigint[])'

/** In: $1 provider, $2 bucket, $3 ms. PostgreSQL 14. Locks: the row. */
export const PAUSE_BUCKET = `INSERT /* holdfast */ INTO holdfast.cdn_bucket (provider, bucket, tokens, filled_at, paused_until)
VALUES ($1, $2, 0, clock_timestamp(), clock_timestamp() + $3 * interval '1 millisecond')
ON CONFLICT (provider, bucket) DO UPDATE SET paused_until = excluded.paused_until`

/** In: $1 namespace, $2 providers. Out: a row for each lane that is not empty. PostgreSQL 14. Locks: none. */
export const DUE_PURGES = `SELECT /* holdfast */ p.provider, l.lane, extract(epoch FROM first.due_at - clock_timestamp())::float8 * 1000 AS "inMs"
FROM unnest($2::text[]) AS p (provider) CROSS JOIN unnest($3::text[]) AS l (lane) CROSS JOIN LATERAL (
  SELECT due_at FROM holdfast.cdn_purge WHERE namespace = $1 AND provider = p.provider AND lane = l.lane AND dead_at IS NULL ORDER BY due_at LIMIT 1) AS first`

/** In: $1 namespace, $2 providers. Out: a row for each provider. O(rows). PostgreSQL 14. Locks: none. */
export const COUNT_PURGES = `SELECT /* holdfast */ p.provider, count(*) FILTER (WHERE c.dead_at IS NULL AND c.id IS NOT NULL)::int AS waiting, count(c.dead_at)::int AS dead,
  coalesce(extract(epoch FROM clock_timestamp() - min(c.written_at) FILTER (WHERE c.dead_at IS NULL AND c.round = 1)), 0)::float8 * 1000 AS "oldestMs"
FROM unnest($2::text[]) AS p (provider) LEFT JOIN holdfast.cdn_purge c ON c.namespace = $1 AND c.provider = p.provider GROUP BY p.provider`

/** In: $1 namespace, $2 provider. PostgreSQL 14. Locks: the rows; those in hand are passed over. */
export const FOLD_PURGES = `WITH /* holdfast */ gone AS (
  DELETE FROM holdfast.cdn_purge WHERE id IN (SELECT id FROM holdfast.cdn_purge WHERE namespace = $1 AND provider = $2 AND dead_at IS NULL FOR UPDATE SKIP LOCKED) RETURNING id)
INSERT INTO holdfast.cdn_purge (namespace, provider, lane, subject, due_at) SELECT $1, $2, 'all', '', clock_timestamp() WHERE EXISTS (SELECT FROM gone)`

/** In: $1 providers. Out: a row for each bucket that was used. PostgreSQL 14. Locks: none. */
export const USED_BUCKETS = `SELECT /* holdfast */ provider, bucket, tokens, greatest(0, extract(epoch FROM clock_timestamp() - filled_at))::float8 * 1000 AS "agoMs",
  greatest(0, coalesce(extract(epoch FROM paused_until - clock_timestamp()), 0))::float8 * 1000 AS "pausedForMs"
FROM holdfast.cdn_bucket WHERE provider = ANY ($1::text[])`

/** In: $1 namespace, $2 most rows, $3 provider or null for all. PostgreSQL 14. Locks: none. */
export const DEAD_PURGES = `SELECT /* holdfast */ id::text AS id, provider, lane, subject, attempts, coalesce(reason, '') AS reason, extract(epoch FROM dead_at)::float8 * 1000 AS "diedAtMs"
FROM holdfast.cdn_purge WHERE namespace = $1 AND dead_at IS NOT NULL AND ($3::text IS NULL OR provider = $3) ORDER BY dead_at DESC LIMIT $2`

/** In: $1 namespace, $2 ids or null for all, $3 provider or null for all. PostgreSQL 14. Locks: the rows. */
export const REPLAY_PURGES = `UPDATE /* holdfast */ holdfast.cdn_purge SET dead_at = NULL, reason = NULL, attempts = 0, due_at = clock_timestamp()
WHERE namespace = $1 AND dead_at IS NOT NULL AND ($2::bigint[] IS NULL OR id = ANY ($2::bigint[])) AND ($3::text IS NULL OR provider = $3)`

/** In: as of {@link REPLAY_PURGES}. PostgreSQL 14. Locks: the rows. */
export const DISCARD_PURGES = `DELETE /* holdfast */ FROM holdfast.cdn_purge
WHERE namespace = $1 AND dead_at IS NOT NULL AND ($2::bigint[] IS NULL OR id = ANY ($2::bigint[])) AND ($3::text IS NULL OR provider = $3)`

/** What was given up a month ago helps nobody. In: $1 namespace. PostgreSQL 14. Locks: the rows. */
export const FORGET_DEAD = `DELETE /* holdfast */ FROM holdfast.cdn_purge WHERE namespace = $1 AND dead_at < clock_timestamp() - interval '30 days'`
