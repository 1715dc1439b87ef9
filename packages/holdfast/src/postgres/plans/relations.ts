import type { Node } from 'libpg-query'
import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { quoteIdent } from '../advisor/identifier.ts'
import { type ParsedInsert, type ParsedStatement, parseStatement } from '../advisor/predicates.ts'
import { type NamesUsed, namesIn } from './names-used.ts'
import { RELATION_BODIES, type RelationBodyRow } from './sql/relation-bodies.sql.ts'
import { type GivenStatement, parseText } from './statement.ts'

/** Views in views followed this deep; PostgreSQL itself has no limit, and nobody nests so far. */
const DEEPEST_VIEW = 16

/** What a statement reads, with what stands behind its views and policies. */
export interface Reach {
  /** Names used by the statement and everything behind it. */
  readonly names: readonly NamesUsed[]
  /** The statement itself (unless it is a MERGE or INSERT) and the bodies of its views, for their conditions. */
  readonly parsed: readonly ParsedStatement[]
  /** Foreign tables: reading them runs something elsewhere. */
  readonly foreign: readonly string[]
  /** A view or policy whose text could not be read, so that nothing is known of what it calls. */
  readonly unreadable: string | undefined
}

/** Follows a statement through views and row-level security. 1 round trip for each level of views. */
export async function reachOf(client: AdvisorClient, statement: GivenStatement): Promise<Reach> {
  const names: NamesUsed[] = [statement.names]
  const parsed = isRead(statement.parsed) ? [statement.parsed] : []
  const foreign: string[] = []
  const seen = new Set<number>()
  let unreadable: string | undefined
  let level = statement.names.relations
  for (let depth = 0; level.length > 0 && unreadable === undefined; depth += 1) {
    const rows = (await readBodies(client, level)).filter(row => !seen.has(row.oid))
    for (const row of rows) seen.add(row.oid)
    foreign.push(...rows.filter(row => row.kind === 'f').map(nameOf))
    const behind = rows.map(row => ({ row, bodies: depth < DEEPEST_VIEW ? bodiesOf(row) : undefined }))
    const failed = behind.find(({ row, bodies }) => bodies === undefined && (row.definition !== null || row.policies.length > 0))
    unreadable = failed === undefined ? undefined : nameOf(failed.row)
    parsed.push(...rows.map(row => (row.definition === null ? undefined : parseStatement(row.definition))).filter(isRead))
    const next = behind.flatMap(({ bodies = [] }) => bodies.map(namesIn))
    names.push(...next)
    level = next.flatMap(found => found.relations)
  }
  return { names, parsed, foreign, unreadable }
}

function isRead(parsed: ParsedStatement | ParsedInsert | undefined): parsed is ParsedStatement {
  return parsed !== undefined && parsed.kind !== 'insert'
}

function nameOf({ schema, name }: RelationBodyRow): string {
  return `${schema}.${name}`
}

function readBodies(client: AdvisorClient, relations: NamesUsed['relations']): Promise<RelationBodyRow[]> {
  return readRows<RelationBodyRow>(client, RELATION_BODIES, [
    relations.map(({ schema }) => schema ?? null),
    relations.map(({ name }) => name),
    relations.map(({ name }) => quoteIdent(name)),
  ])
}

/** The trees of a relation's view and policies; `undefined` when one does not parse, as a view with syntax newer than the parser. */
function bodiesOf({ definition, policies }: RelationBodyRow): Node[] | undefined {
  const texts = [...(definition === null ? [] : [definition.replace(/[\s;]+$/, '')]), ...policies.map(policy => `SELECT WHERE ${policy}`)]
  try {
    return texts.flatMap(parseText)
  } catch {
    return undefined
  }
}
