import { STATUS_CODES } from 'node:http'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { log } from './log.ts'

/** One thing that is wrong with a request, and where: `query.limit`, `body.leadId`. */
export interface InputProblem {
  readonly where: string
  readonly what: string
}

/** Ends a request with a problem document (RFC 9457). Throw it from a handler. */
export class Problem extends Error {
  override readonly name = 'Problem'
  readonly status: number
  readonly problems: readonly InputProblem[]

  constructor(status: number, detail: string, problems: readonly InputProblem[] = []) {
    super(detail)
    this.status = status
    this.problems = problems
  }
}

/** What no route answered. */
export const notFound: RequestHandler = request => {
  throw new Problem(404, `there is no ${request.method} ${request.path}`)
}

/** Turns whatever a handler threw into a problem document. What the caller did not cause is logged and not shown. */
export const problemHandler: ErrorRequestHandler = (error, request, response, next) => {
  if (response.headersSent) return next(error)
  const problem = toProblem(error)
  if (problem.status >= 500)
    log.error({ method: request.method, path: request.path, code: error?.code, error: String(error?.message ?? error) }, 'request failed')
  response
    .status(problem.status)
    .type('application/problem+json')
    .send(
      JSON.stringify({
        type: 'about:blank',
        title: STATUS_CODES[problem.status],
        status: problem.status,
        detail: problem.message,
        ...(problem.problems.length > 0 ? { problems: problem.problems } : {}),
      }),
    )
}

/** SQLSTATE classes and socket errors that say "not now": connection lost, too many connections, being shut down. */
const DATABASE_AWAY = /^(08...|53...|57P..|ECONN\w+|EPIPE|ETIMEDOUT)$/
const STATEMENT_TIMEOUT = '57014'

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  const { code, status, type } = (error ?? {}) as { code?: string; status?: number; type?: string }
  // Errors of express.json() and of the router: malformed JSON, a body too large, a path that does not decode.
  if (type === 'entity.parse.failed') return new Problem(400, 'the request is not valid', [{ where: 'body', what: 'must be valid JSON' }])
  if (status !== undefined && status >= 400 && status < 500) return new Problem(status, (error as Error).message)
  if (code === STATEMENT_TIMEOUT) return new Problem(504, 'the database took too long')
  if (code !== undefined && DATABASE_AWAY.test(code)) return new Problem(503, 'the database cannot be reached at present')
  return new Problem(500, 'the request failed on our side')
}
