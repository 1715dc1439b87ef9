/** Indexes of tables, INVALID ones too, with their keys in order.
 *  In: $1 oid[]. Out: one row an index; a key is null where it is an expression; descending[i] is bit 0 of indoption. PostgreSQL 14.
 *  Locks: ACCESS SHARE on the catalog and, in pg_get_indexdef, on the index. */
export const READ_INDEXES = `SELECT /* holdfast */ i.indrelid::int8::float8 AS "tableOid", i.indexrelid::int8::float8 AS oid, c.relname::text AS name, n.nspname::text AS schema,
  am.amname::text AS method, i.indisvalid AS "isValid", i.indisunique AS "isUnique", i.indpred IS NOT NULL AS "isPartial", pg_get_indexdef(i.indexrelid) AS definition,
  (SELECT json_agg(json_build_object('column', (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0),
     'descending', (k.option & 1) = 1) ORDER BY k.ord)
   FROM unnest(i.indkey::int2[], i.indoption::int2[]) WITH ORDINALITY AS k(attnum, option, ord) WHERE k.ord <= i.indnkeyatts) AS keys
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am am ON am.oid = c.relam
WHERE i.indrelid = ANY($1::oid[]) ORDER BY i.indexrelid`

export interface IndexRow {
  readonly tableOid: number
  readonly oid: number
  readonly name: string
  readonly schema: string
  readonly method: string
  readonly isValid: boolean
  readonly isUnique: boolean
  readonly isPartial: boolean
  readonly definition: string
  readonly keys: readonly { readonly column: string | null; readonly descending: boolean }[]
}
