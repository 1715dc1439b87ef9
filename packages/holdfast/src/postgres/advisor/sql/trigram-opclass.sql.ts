/** The operator class by which a GIN index holds trigrams, qualified, if pg_trgm is installed and this role may use its schema.
 *  In: nothing. Out: no row or one. PostgreSQL 14. Locks: ACCESS SHARE on the catalog. */
export const TRIGRAM_OPCLASS = `SELECT /* holdfast */ quote_ident(n.nspname) || '.' || quote_ident(o.opcname) AS opclass
FROM pg_opclass o JOIN pg_namespace n ON n.oid = o.opcnamespace JOIN pg_am m ON m.oid = o.opcmethod
WHERE o.opcname = 'gin_trgm_ops' AND m.amname = 'gin' AND has_schema_privilege(n.oid, 'USAGE') LIMIT 1`

export interface TrigramOpclassRow {
  readonly opclass: string
}
