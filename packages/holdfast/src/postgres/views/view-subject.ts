import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { advisorErrors } from '../advisor/errors.ts'
import { quoteIdent, quoteQualified } from '../advisor/identifier.ts'
import { factsErrors } from '../facts/errors.ts'
import { quoteRelation, type RelationName } from '../upkeep/relation-name.ts'
import { viewErrors } from './errors.ts'
import { VIEW_FACTS, type ViewFactsRow } from './sql/view-facts.sql.ts'
import { proposeUniqueIndex } from './unique-index.ts'

/** The view, with everything that a refresh relies on. Whether readers go on is `isConcurrent`: a view that was never filled nobody can read anyway.
 *  @throws HF_PG_TABLE_UNKNOWN, HF_PG_VIEW_KIND, HF_PG_NOT_ALLOWED, HF_PG_VIEW_NO_UNIQUE_INDEX */
export async function requireView(
  client: AdvisorClient,
  name: RelationName,
  role: string,
): Promise<ViewFactsRow & { readonly quoted: string; readonly isConcurrent: boolean }> {
  const [view] = await readRows<ViewFactsRow>(client, VIEW_FACTS, [name.schema ?? null, name.name, quoteIdent(name.name)])
  if (view === undefined) throw factsErrors.create('HF_PG_TABLE_UNKNOWN', `there is no materialized view ${quoteRelation(name)}`)
  const quoted = quoteQualified(view.schema, view.name)
  if (view.kind !== 'm') throw viewErrors.create('HF_PG_VIEW_KIND', `${quoted} is not a materialized view`, { context: { kind: view.kind } })
  if (!view.mayRefresh) {
    const grant = `GRANT ${quoteIdent(view.owner)} TO ${quoteIdent(role)}`
    throw advisorErrors.create('HF_PG_NOT_ALLOWED', `role ${quoteIdent(role)} may not refresh ${quoted}: ${grant}`, {
      hint: `${grant}; from PostgreSQL 17 on, GRANT MAINTAIN ON ${quoted} TO ${quoteIdent(role)} is enough`,
      context: { role, grant },
    })
  }
  if (view.isPopulated && !view.hasUsableIndex) {
    const sql = await proposeUniqueIndex(client, view)
    const named = sql ?? `CREATE UNIQUE INDEX CONCURRENTLY ON ${quoted} (...) over columns that are unique`
    throw viewErrors.create('HF_PG_VIEW_NO_UNIQUE_INDEX', `${quoted} has no unique index over plain columns and all rows: ${named}`, {
      ...(sql === undefined ? {} : { hint: sql }),
      context: { view: quoted, sql },
    })
  }
  return { ...view, quoted, isConcurrent: view.isPopulated }
}
