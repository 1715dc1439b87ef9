/** Share of the ttl that the base of the window takes at most: with the longest draw, half the ttl. More would reload a slow value for ever. */
const MAX_TTL_SHARE = 1 / 8
/** Longest draw, in units of the mean. Beyond it lie 5 of 100 draws. */
const MAX_DRAW = 3

/** The base of an entry's window of early refresh: how long its load took, times `factor`, at most an eighth of its ttl. */
export function earlyMsOf(loadMs: number, factor: number, ttlMs: number): number {
  return Math.min(loadMs * factor, ttlMs * MAX_TTL_SHARE)
}

/** Draws when this process begins to reload an entry, once for each copy that it takes into memory, so that a hit compares one number. At the latest one
 *  load before its end, so that the new value is there in time; earlier by an exponential draw, so that keys and processes do not meet.
 *  @source Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015 (XFetch), which draws at each read instead */
export function drawRefreshAtMs(freshUntilMs: number, earlyMs: number, random: () => number): number {
  if (!(earlyMs > 0)) return freshUntilMs
  return freshUntilMs - earlyMs * (1 + Math.min(MAX_DRAW, -Math.log(1 - random())))
}
