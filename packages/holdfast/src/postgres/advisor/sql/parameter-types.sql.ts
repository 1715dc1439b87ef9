/** Types of the parameters of a prepared statement of this session, in order.
 *  In: $1 name. Out: one row. PostgreSQL 14. Locks: none. */
export const PARAMETER_TYPES = 'SELECT /* holdfast */ parameter_types::text[] AS types FROM pg_prepared_statements WHERE name = $1'

export interface ParameterTypesRow {
  readonly types: readonly string[]
}
