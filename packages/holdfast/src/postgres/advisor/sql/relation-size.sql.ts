/** Size of a relation.
 *  In: $1 quoted name. Out: one row. PostgreSQL 14. Locks: ACCESS SHARE on the relation. */
export const RELATION_SIZE = 'SELECT /* holdfast */ pg_relation_size(to_regclass($1))::float8 AS "sizeBytes"'

export interface RelationSizeRow {
  readonly sizeBytes: number
}
