/** Distinguishes versions of one millisecond: 11 random bits and the lowest, which is 1 for a bump. */
const VERSION_STEPS = 2 ** 12

/** A version for a tag that has none: never used before, and even. Whether an entry is valid depends on equality alone, never on a clock. */
export function firstVersion(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number]
  return (high & 0xfffff) * 2 ** 32 + ((low & ~1) >>> 0) + 2
}

/** A version for a tag that was invalidated: never used before, and odd. It holds the time, for {@link bumpedAtMs}. Exact until 2039. */
export function bumpedVersion(serverNowMs: number): number {
  const [random] = crypto.getRandomValues(new Uint16Array(1)) as unknown as [number]
  return Math.floor(serverNowMs) * VERSION_STEPS + ((random % VERSION_STEPS) | 1)
}

/** When the tag was last invalidated, in milliseconds of the Redis server's clock as its writer knew it; 0 when not since it has a version. */
export function bumpedAtMs(version: number): number {
  return version % 2 === 1 ? Math.floor(version / VERSION_STEPS) : 0
}

/** How much earlier than the load an invalidation may seem to be and still count as later: what processes may differ in their idea of the Redis server's
 *  clock (a round trip within the budget of 50 ms at each of two, and drift in the minute between two readings, doubled). A larger value refuses more
 *  reloads after an invalidation, a smaller one risks a stale store. */
export const CLOCK_MARGIN_MS = 200

/** The version as Redis holds it; `undefined` when there is none. */
export function toVersion(reply: Buffer | null | undefined): number | undefined {
  return reply == null ? undefined : Number(reply)
}
