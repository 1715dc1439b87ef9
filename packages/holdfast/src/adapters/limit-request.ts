import type { IncomingMessage } from 'node:http'
import { clientAddress, problemAnswer, type RateLimiter, rateLimitFields, rateLimitProblem } from '../http/index.ts'

/** Who a limit counts, and how. */
export interface LimitOptions<Asked> {
  /** Who asks, for example the user's id. Where it returns `undefined`, and by default, the client's address counts. */
  readonly identity?: (request: Asked) => string | undefined
  /** Proxies of yours in front of this process, whose word in `X-Forwarded-For` is believed. Default 0: only the address of the connection counts. */
  readonly trustedHops?: number
}

/** Where a request came from, as far as it is known. */
export interface Origin {
  /** Address of the connection; `undefined` where the platform does not say. */
  readonly peer: string | undefined
  /** The `X-Forwarded-For` field. */
  readonly forwardedFor: string | undefined
}

/** What a limit says to a request: fields for its answer, and the answer itself when it is refused. */
export interface LimitVerdict {
  readonly fields: readonly [name: string, value: string][]
  readonly refusal: { readonly status: number; readonly headers: Record<string, string>; readonly body: string } | undefined
}

/** Counts a request. 1 Redis round trip. */
export async function checkLimit<Asked>(
  limiter: RateLimiter,
  { identity, trustedHops = 0 }: LimitOptions<Asked>,
  request: Asked,
  originOf: () => Origin,
): Promise<LimitVerdict> {
  const decision = await limiter.check(who(identity?.(request), originOf, trustedHops))
  return { fields: rateLimitFields(limiter, decision), refusal: decision.isAllowed ? undefined : problemAnswer(rateLimitProblem(limiter)) }
}

/** Of a request of node. */
export function originOf({ headers, socket }: IncomingMessage): Origin {
  return { peer: socket.remoteAddress, forwardedFor: [headers['x-forwarded-for'] ?? []].flat().join() }
}

function who(named: string | undefined, originOf: () => Origin, trustedHops: number): string {
  if (named !== undefined) return `identity ${named}`
  const { peer, forwardedFor } = originOf()
  return `address ${clientAddress(peer, forwardedFor, trustedHops)}`
}
