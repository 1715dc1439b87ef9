import { type A_Const, loadModule, type Node, type ParseResult, parseSync } from 'libpg-query'
import { visitNode } from '../advisor/expressions.ts'
import { type ParsedInsert, type ParsedStatement, parseStatement } from '../advisor/predicates.ts'
import { planErrors } from './errors.ts'
import { type NamesUsed, namesIn } from './names-used.ts'

/** Texts longer than this are refused: parsing would hold up the process. */
const LONGEST_TEXT = 200_000

/** One statement that has a plan. */
export interface GivenStatement {
  readonly text: string
  readonly root: Node
  /** Highest n of $n; 0 without parameters. */
  readonly parameterCount: number
  /** What it does besides reading, as far as its text says; `undefined` for a plain read. */
  readonly writes: string | undefined
  readonly names: NamesUsed
  /** Constants in the text, as PostgreSQL prints them. */
  readonly constants: readonly string[]
  /** Its conditions and orders; `undefined` for MERGE. */
  readonly parsed: ParsedStatement | ParsedInsert | undefined
}

const PLANNED = ['SelectStmt', 'InsertStmt', 'UpdateStmt', 'DeleteStmt', 'MergeStmt'] as const

/** Reads one statement by PostgreSQL's own grammar (of version 18). Asks no server.
 *  @throws HF_PG_EXPLAIN_SYNTAX, HF_PG_EXPLAIN_SEVERAL, HF_PG_EXPLAIN_KIND */
export async function readStatement(given: string): Promise<GivenStatement> {
  await loadModule()
  const text = given.replace(/[\s;]+$/, '')
  if (text.length > LONGEST_TEXT) {
    throw planErrors.create('HF_PG_EXPLAIN_SYNTAX', `the text has ${text.length} characters (limit ${LONGEST_TEXT})`)
  }
  const statements = parseText(text)
  const [root] = statements
  if (root === undefined) throw planErrors.create('HF_PG_EXPLAIN_SYNTAX', 'there is no statement in the text')
  if (statements.length > 1) throw planErrors.create('HF_PG_EXPLAIN_SEVERAL', `the text holds ${statements.length} statements`)
  const kind = Object.keys(root)[0] ?? ''
  if (!PLANNED.some(planned => planned === kind)) {
    throw planErrors.create('HF_PG_EXPLAIN_KIND', `${kind.replace(/Stmt$/, '')} is a statement without a plan`)
  }
  return { text, root, ...factsOf(root), names: namesIn(root), parsed: parseStatement(text) }
}

/** The statements of a text. @throws HF_PG_EXPLAIN_SYNTAX */
export function parseText(text: string): Node[] {
  let result: ParseResult
  try {
    if (text === '') return []
    result = parseSync(text)
  } catch (error) {
    throw planErrors.create('HF_PG_EXPLAIN_SYNTAX', (error as Error).message)
  }
  return (result.stmts ?? []).map(({ stmt }) => stmt).filter(stmt => stmt !== undefined)
}

const WRITES: Readonly<Record<string, string>> = { InsertStmt: 'inserts', UpdateStmt: 'updates', DeleteStmt: 'deletes', MergeStmt: 'merges' }

function factsOf(root: Node): Pick<GivenStatement, 'parameterCount' | 'writes' | 'constants'> {
  let parameterCount = 0
  let writes: string | undefined
  const constants = new Set<string>()
  visitNode(root, node => {
    writes ??= writeOf(node)
    if ('ParamRef' in node) parameterCount = Math.max(parameterCount, node.ParamRef.number ?? 0)
    const constant = 'A_Const' in node ? constantOf(node.A_Const) : undefined
    if (constant !== undefined) constants.add(constant)
    return true
  })
  return { parameterCount, writes, constants: [...constants] }
}

function writeOf(node: Node): string | undefined {
  const verb = WRITES[Object.keys(node)[0] ?? '']
  if (verb !== undefined) return `it ${verb} rows`
  if (!('SelectStmt' in node)) return undefined
  if (node.SelectStmt.lockingClause !== undefined) return 'it locks rows (FOR UPDATE or FOR SHARE)'
  return node.SelectStmt.intoClause === undefined ? undefined : 'it creates a table (SELECT INTO)'
}

/** An empty string and a zero have no field of their own. */
function constantOf({ ival, fval, sval, bsval }: A_Const): string | undefined {
  if (sval !== undefined) return sval.sval ?? ''
  if (ival !== undefined) return String(ival.ival ?? 0)
  return fval?.fval ?? bsval?.bsval
}
