import { BEGIN_OUTBOX, sqlLiteral } from '../../postgres/index.ts'

/** One row a job. In: ids, namespace, queues, names, data, options (arrays of one length, the namespace is text). PostgreSQL 14. Locks: its rows. */
export const WRITE_OUTBOX = `INSERT INTO holdfast.job_outbox (id, namespace, queue, name, data, options)
SELECT id, $2, queue, name, data, options::jsonb FROM unnest($1::text[], $3::text[], $4::text[], $5::text[], $6::text[]) WITH ORDINALITY
  AS r (id, queue, name, data, options, at) ORDER BY at`

/** Begins a transaction with the oldest rows that no other relay has in hand. One text, which spares a round trip and takes no parameters.
 *  Out, as the second result: one row a job. PostgreSQL 14. Locks: those rows. */
export const takeOutbox = (
  namespace: string,
  rowsAtMost: number,
): string => `${BEGIN_OUTBOX}; SELECT seq::text, id, queue, name, data, options, (extract(epoch FROM written_at) * 1000)::bigint::text AS "writtenAtMs"
FROM holdfast.job_outbox WHERE namespace = ${sqlLiteral(namespace)} AND refused IS NULL ORDER BY seq LIMIT ${rowsAtMost} FOR UPDATE SKIP LOCKED`

export interface OutboxRow {
  readonly seq: string
  readonly id: string
  readonly queue: string
  readonly name: string
  readonly data: string
  readonly options: OutboxOptions
  readonly writtenAtMs: string
}

/** What is kept of a job beside its data. */
export interface OutboxOptions {
  readonly delayMs?: number
  readonly priority?: number
  readonly attempts?: number
  readonly tenant?: string
}

/** Removes rows by their sequence numbers, whole numbers as the statement above gives them, and commits. PostgreSQL 14. Locks: those rows. */
export const removeOutbox = (seqs: readonly string[]): string =>
  `DELETE FROM holdfast.job_outbox WHERE seq = ANY('{${seqs.join()}}'::bigint[]); COMMIT`

/** Leaves a row that cannot be handed over, with the reason, so that it holds up no other. In: sequence number, reason. PostgreSQL 14. Locks: the row. */
export const REFUSE_OUTBOX = 'UPDATE holdfast.job_outbox SET refused = $2 WHERE seq = $1::bigint'

/** In: namespace. Out: one row. Reads at most 100,000 rows. PostgreSQL 14. Locks: none. */
export const OUTBOX_BACKLOG = `SELECT count(*)::int AS waiting, count(*) FILTER (WHERE refused IS NOT NULL)::int AS refused,
  coalesce(extract(epoch FROM clock_timestamp() - min(written_at) FILTER (WHERE refused IS NULL)) * 1000, 0)::float8 AS "oldestMs"
FROM (SELECT refused, written_at FROM holdfast.job_outbox WHERE namespace = $1 ORDER BY seq LIMIT 100000) AS few`

export interface OutboxBacklogRow {
  readonly waiting: number
  readonly refused: number
  readonly oldestMs: number
}
