import { isHoldfastError } from 'holdfast/core'
import { problemAnswer, toProblem } from 'holdfast/http'
import { consoleErrors } from '../errors.ts'
import { setSecurityHeaders } from './security-headers.ts'

/** The error as problem+json (RFC 9457). What is not a HoldfastError is not shown: its message was not written for readers. */
export function problemResponse(error: unknown): Response {
  const known = isHoldfastError(error)
    ? error
    : consoleErrors.create('HF_CONSOLE_INTERNAL', 'the request failed inside the console', { cause: error })
  const problem = toProblem(known, { forOperators: true })
  // What the advisor refuses is about the database's state, which another try may find changed.
  const status = problem.status === 500 && known.code.startsWith('HF_PG_') ? 409 : problem.status
  const answer = problemAnswer({ ...problem, status })
  const headers = new Headers(answer.headers)
  setSecurityHeaders(headers)
  return new Response(answer.body, { status, headers })
}
