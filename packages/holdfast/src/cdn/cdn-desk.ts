import { type Clock, systemClock } from '../core/index.ts'
import { cdnErrors } from './errors.ts'
import type { CdnAnalytics, CdnPeriod, CdnProvider, PurgeKind, PurgeLimit } from './provider.ts'
import type { BucketUse, DeadPurge, DeadSelection, PurgeCounts, PurgeQueue } from './queue/purge-queue.ts'

/** How much a CDN still takes now. */
export interface BucketState {
  /** Kinds of purges that share it. */
  readonly kinds: readonly PurgeKind[]
  /** What costs a token. */
  readonly counts: PurgeLimit['counts']
  /** Left, at most `burst`; below 0: so many are still to come before the next request. */
  readonly tokens: number
  readonly burst: number
  readonly perSec: number
  /** The CDN asked for a pause of so long from now; 0: of none. */
  readonly pausedForMs: number
}

/** What waits for one CDN. */
export interface CdnStatus extends PurgeCounts {
  /** Purged answers stay there as stale ones. */
  readonly isSoft: boolean
  readonly buckets: readonly BucketState[]
}

/** What CDNs counted, and why others did not say. */
export interface CdnReport {
  readonly counted: readonly CdnAnalytics[]
  readonly failed: readonly { readonly provider: string; readonly why: string }[]
}

/** Looks at purges and takes care of those that were given up. It sends nothing: what it replays is sent by the services that have these CDNs. */
export interface CdnDesk {
  readonly providers: readonly CdnProvider[]
  /** What waits for each CDN, and how much it still takes. 3 round trips. @throws HF_HTTP_CDN_QUEUE_AWAY */
  status(): Promise<readonly CdnStatus[]>
  /** How many wait, and how many were given up. 2 round trips. @throws HF_HTTP_CDN_QUEUE_AWAY */
  counts(): Promise<readonly PurgeCounts[]>
  /** The newest purges that were given up, at most `limit`, 1 to 1,000, default 100; of one provider, or of all. @throws HF_HTTP_CDN_QUEUE_AWAY */
  dead(options?: { readonly limit?: number; readonly provider?: string }): Promise<readonly DeadPurge[]>
  /** Has purges that were given up sent once more: all, or those selected. How many. @throws HF_HTTP_CDN_QUEUE_AWAY */
  replay(which?: DeadSelection): Promise<number>
  /** Forgets purges that were given up: the CDN may serve what they were to remove until it expires. How many. @throws HF_HTTP_CDN_QUEUE_AWAY */
  discard(which?: DeadSelection): Promise<number>
  /** What each CDN counted in the period, by one request to each. Those that cannot say are named with the reason. Never rejects. */
  analytics(period: CdnPeriod): Promise<CdnReport>
}

/** What the desk works with. */
export interface CdnDeskDeps {
  readonly queue: PurgeQueue
  readonly providers: readonly CdnProvider[]
  /** Default: the system's. */
  readonly clock?: Clock
  /** Before each use of the queue. Default: nothing, for a queue that a service has made. */
  readonly open?: () => Promise<void>
}

const KINDS = ['tag', 'url', 'all'] as const satisfies readonly PurgeKind[]

/** A desk over the queue. */
export function createCdnDesk({ queue, providers, clock = systemClock, open = async () => {} }: CdnDeskDeps): CdnDesk {
  const names = providers.map(({ name }) => name)
  const run = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      await open()
      return await work()
    } catch (error) {
      throw cdnErrors.create('HF_HTTP_CDN_QUEUE_AWAY', `purges in ${queue.store} cannot be read: ${whyOf(error)}`, { cause: error })
    }
  }
  return {
    providers,
    async status() {
      const [counts, used] = await run(async () => [await queue.counts(names), await queue.buckets(names)] as const)
      return counts.map(count => {
        const { isSoft, limits } = providers.find(({ name }) => name === count.provider)!
        const own = used.filter(({ provider }) => provider === count.provider)
        return { ...count, isSoft, buckets: bucketStates(limits, own) }
      })
    },
    counts: () => run(() => queue.counts(names)),
    dead: ({ limit = 100, provider } = {}) => run(() => queue.dead(Math.min(1000, Math.max(1, Math.floor(limit))), provider)),
    replay: (which = {}) => run(() => queue.replay(which)),
    discard: (which = {}) => run(() => queue.discard(which)),
    async analytics(period) {
      const answers = await Promise.allSettled(providers.map(provider => provider.analytics(period, { clock })))
      return {
        counted: answers.flatMap(answer => (answer.status === 'fulfilled' ? [answer.value] : [])),
        failed: answers.flatMap((answer, i) => (answer.status === 'rejected' ? [{ provider: names[i]!, why: String(answer.reason?.message) }] : [])),
      }
    },
  }
}

/** SQLSTATE of a table, or a schema, that is not there. */
const NO_TABLE: ReadonlySet<unknown> = new Set(['42P01', '3F000'])

function whyOf(error: unknown): string {
  if (NO_TABLE.has((error as { code?: unknown } | null)?.code)) return 'there is no table holdfast.cdn_purge; the first service with a CDN makes it'
  return error instanceof Error ? error.message : String(error)
}

/** The buckets of a provider, filled up to now. */
export function bucketStates(limits: Readonly<Record<PurgeKind, PurgeLimit>>, used: readonly BucketUse[]): BucketState[] {
  return [...new Set(KINDS.map(kind => limits[kind].bucket))].map(bucket => {
    const kinds = KINDS.filter(kind => limits[kind].bucket === bucket)
    const { counts, burst, perSec } = limits[kinds[0]!]
    const { tokens, agoMs, pausedForMs } = used.find(use => use.bucket === bucket) ?? { tokens: burst, agoMs: 0, pausedForMs: 0 }
    return { kinds, counts, tokens: Math.min(burst, tokens + (agoMs / 1000) * perSec), burst, perSec, pausedForMs }
  })
}
