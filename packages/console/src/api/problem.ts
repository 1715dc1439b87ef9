import { type HoldfastError, isHoldfastError } from 'holdfast/core'
import { archiveErrors, factsErrors, maintenanceErrors, planErrors } from 'holdfast/postgres'
import { consoleErrors } from '../errors.ts'
import type { Problem } from './contract.ts'
import { setSecurityHeaders } from './security-headers.ts'

const STATUS: Readonly<Record<string, number>> = {
  HF_CONSOLE_UNAUTHORIZED: 401,
  HF_CONSOLE_FORBIDDEN: 403,
  HF_CONSOLE_CSRF: 403,
  HF_CONSOLE_HOST: 403,
  HF_CONSOLE_BODY: 400,
  HF_CONSOLE_CONFIRMATION: 400,
  HF_CONSOLE_NOT_FOUND: 404,
  HF_CONSOLE_NO_ADVISOR: 404,
  HF_CONSOLE_NO_CACHE: 404,
  HF_CONSOLE_NO_DATABASE: 404,
  HF_PG_TABLE_UNKNOWN: 404,
  HF_PG_ARCHIVE_POLICY_UNKNOWN: 404,
  HF_PG_EXPLAIN_SYNTAX: 400,
  HF_PG_EXPLAIN_SEVERAL: 400,
  HF_PG_EXPLAIN_KIND: 400,
  HF_PG_EXPLAIN_PARAMETERS: 400,
  HF_PG_EXPLAIN_NOT_READ_ONLY: 400,
  HF_PG_EXPLAIN_MISSING: 404,
  HF_PG_EXPLAIN_NOT_ALLOWED: 403,
  HF_CONSOLE_BUSY: 409,
  HF_CACHE_KEY_INVALID: 400,
  HF_CACHE_TAG_INVALID: 400,
  HF_CACHE_REDIS_AWAY: 503,
  HF_CACHE_NO_WARMER: 503,
  HF_CACHE_NO_SUCH_SOURCE: 404,
  HF_CONSOLE_TOO_MANY_CLIENTS: 503,
  HF_CONSOLE_SOURCE: 503,
  HF_PG_FINDING_UNKNOWN: 404,
  HF_PG_NOT_ALLOWED: 403,
  HF_BUG_FINDING_TRANSITION: 409,
}

/** The error as problem+json (RFC 9457). What is not a HoldfastError is not shown: its message was not written for readers. */
export function problemResponse(error: unknown): Response {
  const known = isHoldfastError(error)
    ? error
    : consoleErrors.create('HF_CONSOLE_INTERNAL', 'the request failed inside the console', { cause: error })
  const { code, message, hint } = known
  const status = statusOf(known)
  const problem: Problem = { type: `urn:holdfast:error:${code}`, title: titleOf(code), status, code, detail: message, hint }
  const headers = new Headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
  setSecurityHeaders(headers)
  return new Response(JSON.stringify(problem), { status, headers })
}

function statusOf({ code, retryable }: HoldfastError): number {
  const status = STATUS[code]
  if (status !== undefined) return status
  // What the advisor refuses is about the database's state, which another try may find changed.
  if (code.startsWith('HF_PG_')) return retryable ? 503 : 409
  return 500
}

const DEFINITIONS: Readonly<Record<string, { readonly summary: string }>> = {
  ...consoleErrors.definitions,
  ...factsErrors.definitions,
  ...planErrors.definitions,
  ...archiveErrors.definitions,
  ...maintenanceErrors.definitions,
}

function titleOf(code: string): string {
  return DEFINITIONS[code]?.summary ?? 'The action was refused.'
}
