/** What the batch statements are made of; all of it SQL text. */
export interface BatchText {
  /** FROM and alias `t`. */
  readonly from: string
  /** The policy's rows. */
  readonly condition: string
  /** Columns of the primary key, quoted, with their types. */
  readonly key: readonly { readonly name: string; readonly type: string }[]
}

/** Looks at the next rows by primary key, without a lock. In: $1 rows to look at, $2 most keys, then the key to begin after unless `fromStart`, as text.
 *  Out: keys of rows that match, in order (isHit), then the key of the last row that was looked at; no row at the end of the table. PostgreSQL 14.
 *  Locks: ACCESS SHARE on the table. */
export function scanKeys({ from, condition, key }: BatchText, fromStart: boolean): string {
  const names = key.map(({ name }) => `t.${name}`)
  const labels = key.map((_, at) => `hf_k${at + 1}`)
  const after = fromStart ? '' : `WHERE (${names.join(', ')}) > (${key.map(({ type }, at) => `$${at + 3}::text::${type}`).join(', ')})`
  const texts = labels.map(label => `${label}::text`).join(', ')
  return `WITH /* holdfast */ seen AS MATERIALIZED (
  SELECT ${names.map((name, at) => `${name} AS ${labels[at]}`).join(', ')}, coalesce((${condition}), false) AS hf_hit FROM ${from} ${after}
  ORDER BY ${names.join(', ')} LIMIT $1::int)
(SELECT ARRAY[${texts}] AS key, true AS "isHit" FROM seen WHERE hf_hit ORDER BY ${labels.join(', ')} LIMIT $2::int)
UNION ALL (SELECT ARRAY[${texts}], false FROM seen ORDER BY ${labels.map(label => `${label} DESC`).join(', ')} LIMIT 1)`
}

export interface ScannedKeyRow {
  readonly key: readonly string[]
  readonly isHit: boolean
}

/** One batch with its progress, in one statement and so in one transaction: rows that another session has locked are passed over, those that no longer match
 *  too; what is taken from the table is in the archive, and the run's row says so. In: $1 run, $2 position after it (text[]), $3 rows of the next batch, then
 *  one text[] a key column. Out: one row. PostgreSQL 14. Locks: the rows of the batch, until its end; ROW EXCLUSIVE on both tables. */
export function archiveBatch(text: BatchText, work: BatchWork): string {
  const { from, condition, key } = text
  const keys = key.map(({ type }, at) => `$${at + 4}::text[]::${type}[]`)
  const labels = key.map((_, at) => `hf_k${at + 1}`)
  const isKey = (alias: string): string => key.map(({ name }, at) => `t.${name} = ${alias}.${labels[at]}`).join(' AND ')
  const picked = `SELECT ${key.map(({ name }, at) => `t.${name} AS ${labels[at]}`).join(', ')} FROM ${from} JOIN keys ON ${isKey('keys')} WHERE (${condition})`
  return `WITH /* holdfast */ keys AS (SELECT * FROM unnest(${keys.join(', ')}) AS k(${labels.join(', ')})),
${steps(work, from, picked, isKey('picked'))},
progress AS (UPDATE holdfast.archive_run SET position = $2::text[], batch_rows = $3::int, updated_at = clock_timestamp(), batch_count = batch_count + 1,
  row_count = row_count + (SELECT count(*) FROM done), pass_rows = pass_rows + (SELECT count(*) FROM done),
  pass_skipped = pass_skipped + (SELECT count(*) FROM keys) - (SELECT count(*) FROM ${work.kind === 'copy' ? 'keys' : 'done'}) WHERE id = $1::bigint)
SELECT (SELECT count(*) FROM done)::int AS "rowCount"`
}

/** What is done with the rows of a batch. `columns` and `key` quoted. */
export type BatchWork =
  | { readonly kind: 'delete' }
  | { readonly kind: 'move'; readonly into: string; readonly columns: readonly string[] }
  | { readonly kind: 'copy'; readonly into: string; readonly columns: readonly string[]; readonly key: readonly string[] }

export interface ArchiveBatchRow {
  readonly rowCount: number
}

function steps(work: BatchWork, from: string, picked: string, isPicked: string): string {
  if (work.kind === 'copy') {
    const columns = work.columns.join(', ')
    const values = work.columns.map(column => `t.${column}`).join(', ')
    const rows = `SELECT ${values} ${picked.slice(picked.indexOf(' FROM '))}`
    return `done AS (INSERT INTO ${work.into} (${columns}) OVERRIDING SYSTEM VALUE ${rows} ON CONFLICT (${work.key.join(', ')}) DO NOTHING RETURNING 1)`
  }
  const returned = work.kind === 'delete' ? '1' : work.columns.map(column => `t.${column}`).join(', ')
  const taken = `picked AS (${picked} FOR UPDATE OF t SKIP LOCKED),
done AS (DELETE FROM ${from} USING picked WHERE ${isPicked} RETURNING ${returned})`
  if (work.kind === 'delete') return taken
  return `${taken},
kept AS (INSERT INTO ${work.into} (${work.columns.join(', ')}) OVERRIDING SYSTEM VALUE SELECT ${work.columns.join(', ')} FROM done)`
}
