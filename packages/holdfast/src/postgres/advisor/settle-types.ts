import { scanSync } from 'libpg-query'
import { type AdvisorClient, positionOf, readRows, sqlStateOf } from './client.ts'
import type { LabStatement } from './rewrite.ts'
import { PARAMETER_TYPES, type ParameterTypesRow } from './sql/parameter-types.sql.ts'

/** A statement that the server takes, with the types of its parameters as the server inferred them. */
export interface TypedStatement extends LabStatement {
  readonly types: readonly string[]
}

type Cast = 'text' | 'integer'

interface Failure {
  readonly error: unknown
  readonly state: string
  /** Of the place that the server names, in the text without the casts; characters from 0. */
  readonly at: number
}

type Attempt = { readonly types: readonly string[] } | Failure

/** Times that it is mended; each takes as many attempts as there are parameters without a type, of some tenths of a millisecond. */
const MOST_MENDED = 8

const NAME = 'holdfast_types'
const PREPARE = `PREPARE ${NAME} AS `

/** Where a literal stood, pg_stat_statements shows a parameter, and its type is lost: the server cannot prepare `json_build_object($1, id)` any more, nor `current_date - $2`. Casts
 *  what it cannot tell to text, and what `mayBeCast` and leaves an operator or a function untold to integer, until the server takes it. A few round trips.
 *  @throws the server's error where that does not help */
export async function settleTypes(client: AdvisorClient, statement: LabStatement, mayBeCast: (param: number) => boolean): Promise<TypedStatement> {
  if (statement.params.length === 0) return { ...statement, types: [] }
  const casts = new Map<number, Cast>()
  const typed = new Set(paramsIn(statement.text).flatMap(({ number, isTyped }) => (isTyped ? [number] : [])))
  const untold = statement.params.flatMap((original, at) => (mayBeCast(original) && !typed.has(at + 1) ? [at + 1] : []))
  let last = await attempt(client, statement.text, casts)
  for (let tries = 1; !('types' in last); tries += 1) {
    const next = tries <= MOST_MENDED ? await mend(client, statement.text, casts, untold, last) : undefined
    if (next === undefined) throw last.error
    last = next
  }
  return { ...statement, text: withCasts(statement.text, casts), types: last.types }
}

/** The next attempt that comes further, with what it needed in `casts`; `undefined` where none does. */
function mend(client: AdvisorClient, text: string, casts: Map<number, Cast>, untold: readonly number[], last: Failure): Promise<Attempt | undefined> {
  const free = untold.filter(param => !casts.has(param))
  // 42P18 indeterminate_datatype.
  if (last.state === '42P18') return mendUntyped(client, text, casts, free)
  // 42883 undefined_function, 42725 ambiguous_function, 42804 datatype_mismatch.
  if (last.state === '42883' || last.state === '42725' || last.state === '42804') return mendUnfit(client, text, casts, free, last)
  return Promise.resolve(undefined)
}

/** The server does not say of which parameter it cannot tell the type, so each becomes text that bears it. */
async function mendUntyped(client: AdvisorClient, text: string, casts: Map<number, Cast>, free: readonly number[]): Promise<Attempt | undefined> {
  for (const param of free) {
    casts.set(param, 'text')
    const next = await attempt(client, text, casts)
    if ('types' in next) return next
    if (next.state !== '42P18') casts.delete(param)
  }
  return undefined
}

/** The first parameter that as an integer lets the server come further, or all of them: several arguments of one function may need it at once. */
async function mendUnfit(
  client: AdvisorClient,
  text: string,
  casts: Map<number, Cast>,
  free: readonly number[],
  { at }: Failure,
): Promise<Attempt | undefined> {
  for (const params of [...free.map(param => [param]), free]) {
    for (const param of params) casts.set(param, 'integer')
    const next = await attempt(client, text, casts)
    if ('types' in next || next.at > at || next.state === '42P18') return next
    for (const param of params) casts.delete(param)
  }
  return undefined
}

async function attempt(client: AdvisorClient, text: string, casts: ReadonlyMap<number, Cast>): Promise<Attempt> {
  try {
    await client.query(PREPARE + withCasts(text, casts))
  } catch (error) {
    const state = sqlStateOf(error)
    if (state === undefined) throw error
    return { error, state, at: withoutCasts(text, casts, (positionOf(error) ?? 0) - PREPARE.length - 1) }
  }
  try {
    const [row] = await readRows<ParameterTypesRow>(client, PARAMETER_TYPES, [NAME])
    return { types: row?.types ?? [] }
  } finally {
    await client.query(`DEALLOCATE ${NAME}`)
  }
}

interface ParamToken {
  readonly number: number
  /** Where it ends, in characters, as the server counts. */
  readonly end: number
  /** Whether a cast says its type. */
  readonly isTyped: boolean
}

function paramsIn(text: string): ParamToken[] {
  // The parser counts bytes.
  const bytes = Buffer.from(text, 'utf8')
  const { tokens } = scanSync(text)
  return tokens.flatMap((token, at) => {
    if (token.tokenName !== 'PARAM') return []
    const isTyped = tokens[at + 1]?.text === '::' || (tokens[at - 1]?.text === '(' && tokens[at - 2]?.text.toLowerCase() === 'cast')
    return [{ number: Number(token.text.slice(1)), end: [...bytes.toString('utf8', 0, token.end)].length, isTyped }]
  })
}

function withCasts(text: string, casts: ReadonlyMap<number, Cast>): string {
  if (casts.size === 0) return text
  const characters = [...text]
  let cast = ''
  let at = 0
  for (const { number, end } of paramsIn(text)) {
    cast += characters.slice(at, end).join('') + suffixOf(casts, number)
    at = end
  }
  return cast + characters.slice(at).join('')
}

/** Where a place of the text with the casts is in the one without. */
function withoutCasts(text: string, casts: ReadonlyMap<number, Cast>, place: number): number {
  let added = 0
  for (const { number, end } of paramsIn(text)) if (end + added <= place) added += suffixOf(casts, number).length
  return place - added
}

function suffixOf(casts: ReadonlyMap<number, Cast>, number: number): string {
  const cast = casts.get(number)
  return cast === undefined ? '' : `::${cast}`
}
