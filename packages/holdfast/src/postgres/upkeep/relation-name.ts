import { quoteIdent, quoteQualified } from '../advisor/identifier.ts'

/** A table or view by name. Without a schema the search path finds it. */
export interface RelationName {
  readonly schema: string | undefined
  readonly name: string
}

/** The name as SQL text. */
export function quoteRelation({ schema, name }: RelationName): string {
  return schema === undefined ? quoteIdent(name) : quoteQualified(schema, name)
}
