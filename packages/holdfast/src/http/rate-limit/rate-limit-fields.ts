import { httpErrors } from '../errors.ts'
import { type Problem, toProblem } from '../problem.ts'
import type { RateDecision } from './gcra.ts'
import type { RateLimiter } from './rate-limiter.ts'

/** The fields of an answer to a limited request (draft-ietf-httpapi-ratelimit-headers-10), and Retry-After when it was refused (RFC 9110 10.2.3). */
export function rateLimitFields(
  { name, limit, perMs }: Pick<RateLimiter, 'name' | 'limit' | 'perMs'>,
  decision: RateDecision,
): [name: string, value: string][] {
  const seconds = (ms: number): number => Math.ceil(ms / 1000)
  return [
    ['RateLimit-Policy', `"${name}";q=${limit};w=${Math.max(1, seconds(perMs))}`],
    ['RateLimit', `"${name}";r=${decision.remaining};t=${seconds(decision.resetMs)}`],
    ...(decision.isAllowed ? [] : ([['Retry-After', String(Math.max(1, seconds(decision.retryAfterMs)))]] as [string, string][])),
  ]
}

/** The problem document of a refused request (draft-ietf-httpapi-ratelimit-headers-10, quota-exceeded). */
export function rateLimitProblem({ name, limit, perMs }: Pick<RateLimiter, 'name' | 'limit' | 'perMs'>): Problem {
  const error = httpErrors.create('HF_HTTP_RATE_LIMITED', `at most ${limit} requests in ${perMs / 1000} s`)
  return { ...toProblem(error), type: 'https://iana.org/assignments/http-problem-types#quota-exceeded', 'violated-policies': [name] }
}
