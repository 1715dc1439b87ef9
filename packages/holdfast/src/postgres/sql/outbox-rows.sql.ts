/** The savepoint that keeps a failing INSERT from failing the transaction. */
const SAVEPOINT = 'hf_outbox'

/** COMMIT with the row written just before it, in one message and thus one round trip. A message of several statements has no parameters, so what is written
 *  goes in as base64, an alphabet without quotes and backslashes: whatever the tags are, nothing of them can end the literal.
 *  Out: the third result is COMMIT's, the second holds `id`. PostgreSQL 14. Locks: ROW EXCLUSIVE on the table, until the commit. */
export function commitWithRow(namespace: string, tags: readonly string[]): string {
  return `SAVEPOINT ${SAVEPOINT}; INSERT /* holdfast */ INTO holdfast.invalidation (namespace, tags) VALUES (${sqlLiteral(namespace)}, ${sqlLiteral(asciiJson(tags))})
RETURNING id::text AS id; RELEASE SAVEPOINT ${SAVEPOINT}; COMMIT`
}

/** After a failed {@link commitWithRow}: back to before the INSERT. Fails with 25P01 when it was COMMIT that failed, for then the transaction is over. */
export const UNDO_ROW: string = `ROLLBACK TO SAVEPOINT ${SAVEPOINT}`

/** Rows may be removed and taken under any default isolation; a stricter one would let them conflict with the service's own transactions. */
export const BEGIN_OUTBOX = 'BEGIN /* holdfast */ ISOLATION LEVEL READ COMMITTED READ WRITE'

/** In: $1 ids as text. PostgreSQL 14. Locks: the rows. */
export const REMOVE_ROWS = 'DELETE /* holdfast */ FROM holdfast.invalidation WHERE id = ANY ($1::bigint[])'

/** Rows that their writer did not remove in time, those of others' hands left out. In: $1 namespace, $2 least age in ms, $3 most rows. PostgreSQL 14.
 *  Locks: the rows, until the end of the transaction. */
export const TAKE_ROWS = `SELECT /* holdfast */ id::text AS id, tags FROM holdfast.invalidation
WHERE namespace = $1 AND written_at < clock_timestamp() - $2 * interval '1 millisecond' ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED`

export interface TakenRow {
  readonly id: string
  readonly tags: string
}

/** How many rows wait, counted up to $2. In: $1 namespace. Out: one row. PostgreSQL 14. Locks: none. */
export const COUNT_ROWS = `SELECT /* holdfast */ count(*)::int AS count FROM (SELECT FROM holdfast.invalidation WHERE namespace = $1 LIMIT $2) AS waiting`

export interface CountRow {
  readonly count: number
}

/** One row that means everything in place of all that nobody holds. In: $1 namespace. PostgreSQL 14. Locks: the rows. */
export const FOLD_ROWS = `WITH /* holdfast */ gone AS (
  DELETE FROM holdfast.invalidation WHERE id IN (SELECT id FROM holdfast.invalidation WHERE namespace = $1 FOR UPDATE SKIP LOCKED) RETURNING id)
INSERT INTO holdfast.invalidation (namespace, tags) SELECT $1, 'null' WHERE EXISTS (SELECT FROM gone)`

/** Escaped down to ASCII, so that the database's encoding can hold it, also \`\\u0000\`. */
export function asciiJson(tags: readonly string[]): string {
  return JSON.stringify(tags).replace(/[^ -~]/g, character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** A text for a message of several statements, which takes no parameters: as base64, an alphabet without quotes and backslashes. */
export function sqlLiteral(text: string): string {
  return `convert_from(decode('${Buffer.from(text).toString('base64')}', 'base64'), 'UTF8')`
}
