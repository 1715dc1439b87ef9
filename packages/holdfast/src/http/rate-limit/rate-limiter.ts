import { createHash } from 'node:crypto'
import { type CacheParts, findParts } from '../../cache/cache-parts.ts'
import type { TieredCache } from '../../cache/index.ts'
import { collectConfigProblems, type Duration, parseDurationMs } from '../../core/index.ts'
import { RATE } from './gcra.lua.ts'
import { decideRate, type Rate, type RateDecision } from './gcra.ts'

/** A limit. */
export interface RateLimitOptions {
  /** Sets this limit apart from others, and stands in the RateLimit fields: 1 to 32 letters, digits, `-` or `_`. */
  readonly name: string
  /** Requests allowed in `per`, on average. 1 or more. */
  readonly limit: number
  readonly per: Duration
  /** Requests allowed at once. Default: `limit`. */
  readonly burst?: number
}

/** Limits how often something may be done, over all processes of one Redis. */
export interface RateLimiter {
  readonly name: string
  readonly limit: number
  readonly perMs: number
  /** Counts one request of `who` and says whether it may go on. Never rejects. `who` is hashed before it leaves the process. 1 Redis round trip.
   *  When Redis is away: this process counts alone from what it last heard, so that a fleet of n processes lets up to n times the limit through, and neither
   *  everything nor nothing. `cost`: what the request counts for, more than 0. Default 1. */
  check(who: string, cost?: number): Promise<RateDecision>
}

/** Keys that a process remembers for the time when Redis is away. */
const LOCAL_LIMIT = 10_000

/** Makes a limiter over the Redis connection of a cache; without Redis each process counts alone. @throws HF_CONFIG_INVALID naming every bad option at once */
export function createRateLimiter(options: RateLimitOptions, cache: TieredCache): RateLimiter {
  const { rate, perMs } = resolve(options)
  const parts = findParts(cache)
  const local = new LocalRates(rate, parts)
  const { redis } = parts
  const degraded = parts.registry
    .counter({
      name: 'holdfast_http_rate_limit_local',
      help: 'Requests that a process counted alone, because Redis was away.',
      labels: ['limit'],
    })
    .bind(options.name)
  const refused = parts.registry
    .counter({ name: 'holdfast_http_rate_limited', help: 'Requests refused by a rate limit.', labels: ['limit'] })
    .bind(options.name)
  const check = async (who: string, cost: number): Promise<RateDecision> => {
    const key = `hf:${parts.namespace}:r:${options.name}:${createHash('sha256').update(who).digest('base64url').slice(0, 22)}`
    if (redis?.isUsable) {
      const reply = await redis.run(RATE, [key], [Math.round(rate.intervalMs * 1000), rate.burst, cost]).catch(() => undefined)
      if (reply !== undefined) {
        const [owedUs, allowed] = reply as [number, number]
        return local.adopt(key, owedUs / 1000, allowed === 1, cost)
      }
    }
    if (redis !== undefined) degraded.add()
    return local.check(key, cost)
  }
  return {
    name: options.name,
    limit: options.limit,
    perMs,
    check: async (who, cost = 1) => {
      const decision = await check(who, cost)
      if (!decision.isAllowed) refused.add()
      return decision
    },
  }
}

/** What this process knows of the limits: a copy of what Redis said last, on our monotonic clock. */
class LocalRates {
  readonly #rate: Rate
  readonly #parts: CacheParts
  readonly #tats = new Map<string, number>()

  constructor(rate: Rate, parts: CacheParts) {
    this.#rate = rate
    this.#parts = parts
  }

  check(key: string, cost: number): RateDecision {
    const decision = decideRate(this.#rate, this.#tats.get(key) ?? 0, this.#parts.clock.monotonicMs(), cost)
    this.#keep(key, decision.tatMs)
    return decision
  }

  /** Takes over what Redis said: `owedMs` from now until the arrival time. */
  adopt(key: string, owedMs: number, isAllowed: boolean, cost: number): RateDecision {
    const { intervalMs, burst } = this.#rate
    this.#keep(key, this.#parts.clock.monotonicMs() + owedMs)
    return {
      isAllowed,
      remaining: Math.max(0, Math.floor(burst - owedMs / intervalMs + 1e-9)),
      resetMs: owedMs,
      retryAfterMs: isAllowed ? 0 : Math.max(0, owedMs + intervalMs * cost - intervalMs * burst),
    }
  }

  /** The key that was used longest ago goes first. */
  #keep(key: string, tatMs: number): void {
    this.#tats.delete(key)
    if (this.#tats.size >= LOCAL_LIMIT) this.#tats.delete(this.#tats.keys().next().value!)
    this.#tats.set(key, tatMs)
  }
}

function resolve({ name, limit, per, burst = limit }: RateLimitOptions): { rate: Rate; perMs: number } {
  const problems = collectConfigProblems()
  if (!/^[\w-]{1,32}$/.test(name)) problems.add('name', 'must be 1 to 32 letters, digits, "-" or "_"')
  if (!(Number.isSafeInteger(limit) && limit >= 1)) problems.add('limit', `must be a whole number of 1 or more, is ${limit}`)
  if (!(Number.isSafeInteger(burst) && burst >= 1)) problems.add('burst', `must be a whole number of 1 or more, is ${burst}`)
  const perMs = problems.attempt('per', () => parseDurationMs(per), 1)
  if (perMs <= 0) problems.add('per', 'must be more than 0')
  problems.throwIfAny('createRateLimiter()')
  return { rate: { intervalMs: perMs / limit, burst }, perMs }
}
