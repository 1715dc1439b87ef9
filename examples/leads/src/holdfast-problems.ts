import type { ErrorRequestHandler } from 'express'
import { isHoldfastError } from 'holdfast/core'
import { problemAnswer, toProblem } from 'holdfast/http'

/** Answers what Holdfast refuses: a cursor, a selection of fields, a listener. Everything else is for `problemHandler`, which all modes have. */
export const holdfastProblems: ErrorRequestHandler = (error, _request, response, next) => {
  if (response.headersSent || !isHoldfastError(error) || error.status >= 500) return next(error)
  const { status, headers, body } = problemAnswer(toProblem(error))
  response.writeHead(status, headers).end(body)
}
