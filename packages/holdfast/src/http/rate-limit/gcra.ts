/** A limit in base units: one request every `intervalMs` on average, `burst` at once. */
export interface Rate {
  readonly intervalMs: number
  readonly burst: number
}

/** Whether a request may go on, and what is left. Times are from now on, in ms. */
export interface RateDecision {
  readonly isAllowed: boolean
  /** Requests that could follow at once. */
  readonly remaining: number
  /** Until all of `burst` is there again. */
  readonly resetMs: number
  /** Until a request like this one would be allowed; 0 when it was. */
  readonly retryAfterMs: number
}

/** The generic cell rate algorithm: one number per key, the theoretical arrival time `tatMs` of the next request. Returns its new value; unchanged when the
 *  request is refused, so that insisting does not prolong the wait. */
export function decideRate(rate: Rate, tatMs: number, nowMs: number, cost: number): RateDecision & { readonly tatMs: number } {
  const toleranceMs = rate.intervalMs * rate.burst
  const startMs = Math.max(tatMs, nowMs)
  const nextMs = startMs + rate.intervalMs * cost
  const isAllowed = nextMs - toleranceMs <= nowMs
  const keptMs = isAllowed ? nextMs : startMs
  return {
    isAllowed,
    tatMs: keptMs,
    remaining: Math.max(0, Math.floor((toleranceMs - (keptMs - nowMs)) / rate.intervalMs + 1e-9)),
    resetMs: Math.max(0, keptMs - nowMs),
    retryAfterMs: isAllowed ? 0 : nextMs - toleranceMs - nowMs,
  }
}
