import { type RecordedStatement, recordStatements } from '../postgres/index.ts'
import { testingErrors } from './errors.ts'

/** What is expected; at least one member. */
export interface QueryExpectation {
  /** Statements at most, BEGIN and COMMIT included. Absent: any number. */
  readonly max?: number
  /** True: no request, and nothing outside of requests, sends one statement five times or more with differing parameters. Default false. */
  readonly noNPlusOne?: boolean
}

const SHOWN_STATEMENTS = 20
const SHOWN_CHARS = 160

/** Runs `work`, counts the statements that all observed pools of this process send meanwhile, and gives back what `work` returned. For tests in CI, one at a
 *  time: what runs beside it is counted too. What `work` throws passes through as it is.
 *  @throws HF_PG_QUERIES_UNEXPECTED with each statement and its count
 *  @throws HF_PG_NOTHING_OBSERVED when nothing could have been counted */
export async function expectQueries<T>(work: () => T | Promise<T>, { max, noNPlusOne = false }: QueryExpectation): Promise<T> {
  const recording = recordStatements()
  let result: T
  try {
    result = await work()
  } finally {
    recording.stop()
  }
  if (!recording.isObserved()) throw testingErrors.create('HF_PG_NOTHING_OBSERVED', 'no pool was observed while the code under test ran')
  const statements = recording.statements()
  const count = statements.reduce((total, { callCount }) => total + callCount, 0)
  const problems: string[] = []
  if (max !== undefined && count > max) problems.push(`${count} statements were sent, at most ${max} are allowed`)
  const repeated = statements.filter(({ isNPlusOne }) => isNPlusOne)
  if (noNPlusOne && repeated.length > 0) problems.push(`${repeated.length} of the statements were sent in a loop (N+1)`)
  if (problems.length === 0) return result
  const lines = statements.slice(0, SHOWN_STATEMENTS).map(line)
  if (statements.length > SHOWN_STATEMENTS) lines.push(`and ${statements.length - SHOWN_STATEMENTS} more`)
  throw testingErrors.create('HF_PG_QUERIES_UNEXPECTED', `${problems.join('; ')}:\n${lines.join('\n')}`, { context: { count, max, statements } })
}

function line({ text, callCount, distinctCount, isNPlusOne }: RecordedStatement): string {
  const shown = text.length > SHOWN_CHARS ? `${text.slice(0, SHOWN_CHARS - 1)}…` : text
  return `${String(callCount).padStart(5)} x ${shown}${isNPlusOne ? `   <- N+1: ${distinctCount} different sets of parameters` : ''}`
}
