import type { HoldfastError } from '../../core/index.ts'
import { isHoldfastError } from '../../core/index.ts'
import { messageOf, sqlStateOf } from '../advisor/client.ts'
import { maskLiterals } from '../statement-shape.ts'
import { planErrors } from './errors.ts'

type PlanErrorCode = keyof typeof planErrors.definitions

/** @source PostgreSQL 18, appendix A */
const CODES: Readonly<Record<string, PlanErrorCode>> = {
  '42601': 'HF_PG_EXPLAIN_SYNTAX',
  '42P01': 'HF_PG_EXPLAIN_MISSING',
  '42703': 'HF_PG_EXPLAIN_MISSING',
  '42704': 'HF_PG_EXPLAIN_MISSING',
  '42883': 'HF_PG_EXPLAIN_MISSING',
  '3F000': 'HF_PG_EXPLAIN_MISSING',
  '42501': 'HF_PG_EXPLAIN_NOT_ALLOWED',
  '25006': 'HF_PG_EXPLAIN_NOT_READ_ONLY',
  '57014': 'HF_PG_EXPLAIN_TIMEOUT',
  '55P03': 'HF_PG_EXPLAIN_LOCKED',
  // A value that its parameter's type does not take, a type that cannot be inferred, a number of values that does not fit.
  '22P02': 'HF_PG_EXPLAIN_PARAMETERS',
  '22007': 'HF_PG_EXPLAIN_PARAMETERS',
  '22008': 'HF_PG_EXPLAIN_PARAMETERS',
  '22003': 'HF_PG_EXPLAIN_PARAMETERS',
  '42P02': 'HF_PG_EXPLAIN_PARAMETERS',
  '42P18': 'HF_PG_EXPLAIN_PARAMETERS',
  '08P01': 'HF_PG_EXPLAIN_PARAMETERS',
}

/** The coded error for one of the server; errors of ours and of the connection pass as they are. `ownValues` is false when values were taken from rows:
 *  then the server's words are stripped of them, and the cause, which would hold them, is left out. */
export function planErrorOf(error: unknown, ownValues: boolean): unknown {
  const state = sqlStateOf(error)
  if (state === undefined || isHoldfastError(error)) return error
  const code = CODES[state] ?? 'HF_PG_EXPLAIN_FAILED'
  const said = messageOf(error)
  // The server puts values into double quotes too, so those go as well; a name that is lost with them is in the statement.
  const message = ownValues ? said : maskLiterals(said.replace(/"[^"]*"/g, "''"))
  return withState(code, message, state, ownValues ? error : undefined)
}

function withState(code: PlanErrorCode, message: string, state: string, cause: unknown): HoldfastError {
  const context = { sqlstate: state }
  return planErrors.create(code, message, cause === undefined ? { context } : { context, cause })
}
