import { type ScanToken, scanSync } from 'libpg-query'
import type { ParsedStatement, TableRef } from './predicates.ts'

/** A statement made fit for the lab. */
export interface LabStatement {
  /** A SELECT in which the table is named without its schema, so that the search path decides. */
  readonly text: string
  /** `params[i]` is the original number of the parameter that is now `$i+1`. */
  readonly params: readonly number[]
  /** Of these, by original number, those that were one value of a list and are now the whole list, an array. */
  readonly lists: ReadonlySet<number>
}

interface Edit {
  readonly from: number
  readonly to: number
  readonly text: string
}

/** The statement as a SELECT over the lab's copy: schema names of `copied` tables are taken out, before their columns as well, it locks no rows, an UPDATE or DELETE becomes the SELECT of its
 *  WHERE, `interval $1` becomes `$1::interval`, a list of which one parameter is shown becomes a
 *  list of any length, and the parameters are numbered without gaps. `undefined` when that cannot be done by text. */
export function rewriteForLab(statement: ParsedStatement, isCopied: (ref: TableRef) => boolean): LabStatement | undefined {
  // Offsets of the parser are bytes, so the text is cut as bytes.
  const bytes = Buffer.from(statement.text, 'utf8')
  const tokens = scanSync(statement.text).tokens.filter(token => !token.tokenName.endsWith('COMMENT'))
  const range = statement.kind === 'select' ? [{ from: 0, to: bytes.length }] : changeAsSelect(statement.kind, tokens, bytes.length)
  if (range === undefined) return undefined

  const edits = [
    ...schemaEdits(statement, tokens, isCopied),
    ...columnEdits(statement, tokens, isCopied),
    ...listEdits(statement.text),
    ...typedLiteralEdits(tokens),
    ...lockEdits(tokens),
  ].sort((a, b) => a.from - b.from)
  const pieces = range.map(({ from, to }) => applyEdits(bytes, from, to, edits))
  const text = statement.kind === 'select' ? pieces[0]! : `SELECT 1 FROM ${pieces.slice(0, -1).join(', ')} WHERE ${pieces.at(-1)}`
  return { ...renumber(text.replace(/;\s*$/, '')), lists: new Set([...statement.text.matchAll(LIST)].map(([, , param]) => Number(param!.slice(1)))) }
}

function schemaEdits(statement: ParsedStatement, tokens: readonly ScanToken[], isCopied: (ref: TableRef) => boolean): Edit[] {
  const edits: Edit[] = []
  for (const ref of statement.scopes.flatMap(scope => scope.tables)) {
    if (ref.schema === undefined || !isCopied(ref)) continue
    const at = tokens.findIndex(token => token.start === ref.locationBytes)
    const name = tokens[at + 2]
    if (at >= 0 && tokens[at + 1]?.text === '.' && name !== undefined) edits.push({ from: ref.locationBytes, to: name.start, text: '' })
  }
  return edits
}

/** `public.lead.zip` becomes `lead.zip`, as Prisma writes every column. */
function columnEdits(statement: ParsedStatement, tokens: readonly ScanToken[], isCopied: (ref: TableRef) => boolean): Edit[] {
  const names = new Set(
    statement.scopes.flatMap(scope =>
      scope.tables.flatMap(ref => (ref.schema !== undefined && isCopied(ref) ? [nameKey(ref.schema, ref.name)] : [])),
    ),
  )
  const edits: Edit[] = []
  for (const [at, schema] of tokens.entries()) {
    const [dot, table, secondDot] = tokens.slice(at + 1, at + 4)
    if (dot?.text !== '.' || table === undefined || secondDot?.text !== '.') continue
    if (names.has(nameKey(nameOf(schema), nameOf(table)))) edits.push({ from: schema.start, to: table.start, text: '' })
  }
  return edits
}

function nameKey(schema: string, table: string): string {
  return JSON.stringify([schema, table])
}

/** The name that an identifier stands for. */
function nameOf({ text }: ScanToken): string {
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text.toLowerCase()
}

/** A clause that locks rows has no more, with four tables in it. */
const LOCK_WORDS = 14

const LIST = /\b(not\s+)?in\s*\(\s*(\$\d+)\s*\/\*, \.\.\. \*\/\s*\)/gi

/** From PostgreSQL 18 on pg_stat_statements shows one parameter for a whole list, and a comment in the place of the others; with one value it would be no list. */
function listEdits(text: string): Edit[] {
  return [...text.matchAll(LIST)].map(({ 0: list, 1: negated, 2: param, index }) => {
    const from = Buffer.byteLength(text.slice(0, index))
    return { from, to: from + Buffer.byteLength(list), text: negated === undefined ? `= ANY (${param})` : `<> ALL (${param})` }
  })
}

/** pg_stat_statements turns `interval '1 day'` into `interval $1`, and `extract(dow from at)` into `extract($1 from at)`, which the server's own grammar refuses. */
function typedLiteralEdits(tokens: readonly ScanToken[]): Edit[] {
  const edits: Edit[] = []
  for (const [at, token] of tokens.entries()) {
    const words = tokens.slice(at, at + 6).map(({ text }) => text.toLowerCase())
    const type = /^(interval|date|timestamptz|timetz|(time|timestamp)( with(out)? time zone)?)(?= \$)/.exec(words.join(' '))?.[0]
    const param = type === undefined ? undefined : tokens[at + type.split(' ').length]
    if (param?.tokenName === 'PARAM') edits.push({ from: token.start, to: param.end, text: `${param.text}::${type}` })
    if (/^extract \( \$\d+ from /.test(words.join(' '))) edits.push({ from: token.start, to: tokens[at + 3]!.end, text: `date_part(${words[2]},` })
  }
  return edits
}

/** `FOR UPDATE OF t SKIP LOCKED` goes: to find the rows takes as long without it, and a read-only transaction locks none. */
function lockEdits(tokens: readonly ScanToken[]): Edit[] {
  const words = tokens.map(({ text }) => text.toLowerCase())
  return tokens.flatMap((token, at) => {
    const clause = /^for (no key update|update|key share|share)( of [^ ]+( [.,] [^ ]+)*)?( nowait| skip locked)?/.exec(
      words.slice(at, at + LOCK_WORDS).join(' '),
    )
    const last = clause === null ? undefined : tokens[at + clause[0].split(' ').length - 1]
    return last === undefined ? [] : [{ from: token.start, to: last.end, text: '' }]
  })
}

/** The parts of `UPDATE t SET ... FROM u WHERE c RETURNING r` or `DELETE FROM t USING u WHERE c RETURNING r` that make up `FROM t, u WHERE c`. */
function changeAsSelect(kind: 'update' | 'delete', tokens: readonly ScanToken[], length: number): { from: number; to: number }[] | undefined {
  const top = topLevelKeywords(tokens)
  const [first] = tokens
  if (first === undefined || first.text.toLowerCase() !== kind) return undefined
  const start = kind === 'update' ? first : top.get('from')
  const listEnd = kind === 'update' ? top.get('set') : (top.get('using') ?? top.get('where'))
  const more = kind === 'update' ? top.get('from') : top.get('using')
  const where = top.get('where')
  if (start === undefined || listEnd === undefined || where === undefined) return undefined
  const parts = [{ from: start.end, to: listEnd.start }]
  if (more !== undefined) parts.push({ from: more.end, to: where.start })
  parts.push({ from: where.end, to: top.get('returning')?.start ?? length })
  return parts
}

function topLevelKeywords(tokens: readonly ScanToken[]): Map<string, ScanToken> {
  const found = new Map<string, ScanToken>()
  let depth = 0
  for (const token of tokens) {
    if (token.text === '(') depth += 1
    else if (token.text === ')') depth -= 1
    else if (depth === 0 && token.keywordKind > 0) {
      const word = token.text.toLowerCase()
      if (!found.has(word)) found.set(word, token)
    }
  }
  return found
}

function applyEdits(bytes: Buffer, from: number, to: number, edits: readonly Edit[]): string {
  let text = ''
  let at = from
  for (const edit of edits) {
    if (edit.from < at || edit.to > to) continue
    text += bytes.toString('utf8', at, edit.from) + edit.text
    at = edit.to
  }
  return text + bytes.toString('utf8', at, to)
}

function renumber(text: string): Pick<LabStatement, 'text' | 'params'> {
  const params: number[] = []
  const bytes = Buffer.from(text, 'utf8')
  const edits: Edit[] = []
  for (const token of scanSync(text).tokens) {
    if (token.tokenName !== 'PARAM') continue
    const original = Number(token.text.slice(1))
    let index = params.indexOf(original)
    if (index < 0) index = params.push(original) - 1
    edits.push({ from: token.start, to: token.end, text: `$${index + 1}` })
  }
  return { text: applyEdits(bytes, 0, bytes.length, edits), params }
}
