import type { Clock, TagField } from '../core/index.ts'

/** What can be purged. */
export type PurgeKind = 'tag' | 'url' | 'all'

/** One purge of many tags or URLs, or of everything. Tags by their names at the CDN, see `wireTag`. */
export type Purge =
  | { readonly kind: 'tag'; readonly tags: readonly string[] }
  | { readonly kind: 'url'; readonly urls: readonly string[] }
  | { readonly kind: 'all' }

/** How much a CDN takes: a token bucket. */
export interface PurgeLimit {
  /** Tags or URLs in one request. */
  readonly perRequest: number
  /** Kinds with the same name here share one bucket. */
  readonly bucket: string
  /** What costs a token: a request, or each tag and URL in it. */
  readonly counts: 'requests' | 'items'
  /** Tokens of a full bucket. */
  readonly burst: number
  /** Tokens that come in a second. */
  readonly perSec: number
}

/** What goes over the wire, without credentials. */
export interface PlannedCall {
  readonly method: string
  readonly url: string
  readonly body?: string
}

/** What a CDN answered with in a period. */
export interface CdnAnalytics {
  readonly provider: string
  readonly fromMs: number
  readonly toMs: number
  readonly requests: number
  /** Bytes sent to clients. */
  readonly bytes: number
  /** Share of requests answered without the origin, 0 to 1; of CloudFront, of those that it calls cacheable. Absent without requests, or where the
   *  CDN does not say. */
  readonly hitRatio?: number
}

/** A stretch of time, wall clock. */
export interface CdnPeriod {
  readonly fromMs: number
  readonly toMs: number
}

/** What a call may use. */
export interface CallDeps {
  /** Default: the system's. */
  readonly clock?: Clock
  readonly signal?: AbortSignal
}

/** One CDN. Every rejection is a HoldfastError with one of the codes HF_HTTP_CDN_AUTH, _LIMITED, _REJECTED, _AWAY; none holds a credential. */
export interface CdnProvider {
  /** Under this name purges wait for it and are counted. */
  readonly name: string
  readonly limits: Readonly<Record<PurgeKind, PurgeLimit>>
  readonly tagField: TagField
  /** True when purged answers stay at the CDN as stale ones, to be refreshed; everything at once is always removed. */
  readonly isSoft: boolean
  /** What `purge` would send: the dry run. */
  plan(purge: Purge): readonly PlannedCall[]
  /** Purges, in as many requests as `plan` says, one after the other. Resolves when the CDN has taken all of it. */
  purge(purge: Purge, deps?: CallDeps): Promise<void>
  /** What the CDN counted. 1 request. Figures may be sampled, and late by minutes. */
  analytics(period: CdnPeriod, deps?: CallDeps): Promise<CdnAnalytics>
}

/** Cuts a list into parts of at most `size`. */
export function inParts<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = []
  for (let at = 0; at < all.length; at += size) parts.push(all.slice(at, at + size))
  return parts
}
