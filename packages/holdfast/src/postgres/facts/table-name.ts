import { quoteQualified } from '../advisor/identifier.ts'
import { factsErrors } from './errors.ts'

const PART = `(?:"((?:[^"]|"")+)"|([^".]+))`
const NAME = new RegExp(`^(?:${PART}\\.)?${PART}$`, 'u')

/** `schema.name` as it may be written in SQL and given back to {@link parseTableName}. */
export function quoteTableName({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return quoteQualified(schema, name)
}

/** Schema and name of a table as people write it: `lead`, `public.lead`, `"Odd.Name"`. Names without quotes are taken as they stand, capitals included.
 *  @throws HF_PG_TABLE_UNKNOWN when it is no name */
export function parseTableName(text: string): { readonly schema: string | undefined; readonly name: string } {
  // PostgreSQL takes no NUL in a text.
  const match = text.includes('\0') ? null : NAME.exec(text)
  if (match === null) throw factsErrors.create('HF_PG_TABLE_UNKNOWN', `${JSON.stringify(text)} is not the name of a table`)
  const [, quotedSchema, schema, quotedName, name] = match
  return { schema: quotedSchema?.replaceAll('""', '"') ?? schema, name: quotedName?.replaceAll('""', '"') ?? name! }
}
