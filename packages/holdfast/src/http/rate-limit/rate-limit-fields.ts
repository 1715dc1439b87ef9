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
