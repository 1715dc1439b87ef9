import { STATUS_CODES } from 'node:http'
import { isHoldfastError } from '../core/index.ts'

/** A problem document (RFC 9457 3), and what else its receiver is told. */
export interface Problem {
  /** URI of the kind of problem; `about:blank` when the status says it all. */
  readonly type: string
  /** The kind in words; the same for all occurrences. */
  readonly title: string
  readonly status: number
  /** This occurrence. Absent where it is none of the receiver's business. */
  readonly detail?: string
  /** Of an error of Holdfast. */
  readonly code?: string
  readonly [extension: string]: unknown
}

/** How errors become problems. */
export interface ProblemOptions {
  /** The receivers run the service: they are told what failed on its side, and the next step. Default false. */
  readonly forOperators?: boolean
}

/** Media type of a problem document. */
export const PROBLEM_CONTENT_TYPE = 'application/problem+json'

/** What an error is to whoever sent the request. An error of Holdfast has a code and a status of its own (a bad cursor is 400, what may work later is 503). Of
 *  other errors `status` or `statusCode` from 400 to 499 is taken with the message, as frameworks set them; anything else is a 500 that says nothing,
 *  since its message was not written for readers. */
export function toProblem(error: unknown, { forOperators = false }: ProblemOptions = {}): Problem {
  if (isHoldfastError(error)) {
    const { code, status = 500, summary, message, hint } = error
    const isTheirs = status < 500 || forOperators
    return {
      type: `urn:holdfast:error:${code}`,
      title: summary ?? titleOf(status),
      status,
      code,
      ...(isTheirs ? { detail: message } : {}),
      ...(forOperators ? { hint } : {}),
    }
  }
  const { status, statusCode, message } = (error ?? {}) as { status?: unknown; statusCode?: unknown; message?: unknown }
  const given = [status, statusCode].find((value): value is number => typeof value === 'number' && value >= 400 && value < 500)
  if (given === undefined) return { type: 'about:blank', title: titleOf(500), status: 500 }
  return { type: 'about:blank', title: titleOf(given), status: given, ...(typeof message === 'string' ? { detail: message } : {}) }
}

/** Head and body of a problem's answer: never stored, and JSON in UTF-8. */
export function problemAnswer(problem: Problem): { readonly status: number; readonly headers: Record<string, string>; readonly body: string } {
  return { status: problem.status, headers: { 'content-type': PROBLEM_CONTENT_TYPE, 'cache-control': 'no-store' }, body: JSON.stringify(problem) }
}

function titleOf(status: number): string {
  return STATUS_CODES[status] ?? 'Unknown'
}
