/** What the purges for one CDN did in a stretch of time. */
export interface CdnTraffic {
  /** Purges by event, as `holdfast_cdn_purges` names them. */
  readonly purges: ReadonlyMap<string, number>
  /** Requests to its API by outcome, as `holdfast_cdn_requests` names them. */
  readonly requests: ReadonlyMap<string, number>
}

/** A CDN that nothing was sent to. */
export const NO_CDN_TRAFFIC: CdnTraffic = { purges: new Map(), requests: new Map() }

/** Adds them up. */
export function mergeCdns(parts: readonly CdnTraffic[]): CdnTraffic {
  return { purges: summed(parts.map(part => part.purges)), requests: summed(parts.map(part => part.requests)) }
}

/** By it CDNs are ranked. */
export function purgesOf({ purges }: CdnTraffic): number {
  return purges.get('sent') ?? 0
}

function summed(maps: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const total = new Map<string, number>()
  for (const map of maps) for (const [name, count] of map) total.set(name, (total.get(name) ?? 0) + count)
  return total
}
