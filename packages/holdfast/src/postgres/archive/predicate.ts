import { loadModule, parseSync } from 'libpg-query'
import { archiveErrors } from './errors.ts'

/** Makes sure that the text is one condition and nothing beside it, before it becomes part of a statement.
 *  @throws HF_PG_ARCHIVE_POLICY */
export async function checkPredicate(where: string): Promise<void> {
  await loadModule()
  // On a line of its own: a comment at the end of the condition would hide the bracket.
  const parsed = attempt(() => parseSync(`SELECT FROM t WHERE (\n${where}\n)`))
  const statements = (parsed as { stmts?: readonly { stmt?: Record<string, unknown> }[] } | undefined)?.stmts
  // libpg-query hands some parse errors back as if they were results.
  const select = statements?.length === 1 ? (statements[0]?.stmt?.SelectStmt as Record<string, unknown> | undefined) : undefined
  if (select?.whereClause === undefined) refuse(where, 'is not one condition in SQL')
  if (Object.keys(select).some(key => !ALONE.has(key)) || select.op !== 'SETOP_NONE') refuse(where, 'is more than a condition')
  if (JSON.stringify(select).includes('"ParamRef"')) refuse(where, 'has a parameter, for which there is no value')
}

/** What a SELECT has that is nothing but FROM and WHERE. */
const ALONE: ReadonlySet<string> = new Set(['fromClause', 'whereClause', 'limitOption', 'op'])

function refuse(where: string, why: string): never {
  throw archiveErrors.create('HF_PG_ARCHIVE_POLICY', `where: ${JSON.stringify(where)} ${why}`, { context: { where } })
}

function attempt<T>(parse: () => T): T | undefined {
  try {
    return parse()
  } catch {
    return undefined
  }
}
