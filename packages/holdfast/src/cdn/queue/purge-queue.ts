import type { PurgeKind, PurgeLimit } from '../provider.ts'

/** Purges of one kind wait in one lane; `!` holds those that are sent alone, because a request with others was refused. */
export type Lane = PurgeKind | `${PurgeKind}!`

/** A purge to be kept. */
export interface NewPurge {
  readonly provider: string
  readonly lane: Lane
  /** Name of a tag at the CDN, or a URL; empty for everything. */
  readonly subject: string
}

/** A purge in hand. Unless something is said of it, it is due again when its lease ends. */
export interface TakenPurge {
  readonly id: string
  readonly subject: string
  /** 1: the first purge. 2: the one after the origin's lag. */
  readonly round: number
  /** This one counted. */
  readonly attempts: number
}

/** A purge that was given up. */
export interface DeadPurge {
  readonly id: string
  readonly provider: string
  readonly kind: PurgeKind
  readonly subject: string
  readonly attempts: number
  /** What the last attempt failed with. */
  readonly reason: string
  readonly diedAtMs: number
}

/** How many purges there are. */
export interface PurgeCounts {
  readonly provider: string
  readonly waiting: number
  readonly dead: number
  /** Age of the oldest that waits. */
  readonly oldestMs: number
}

/** Which purges that were given up: all, unless ids or a provider are named. */
export interface DeadSelection {
  readonly ids?: readonly string[]
  readonly provider?: string
}

/** A token bucket as it was last used; one that is not here is full. */
export interface BucketUse {
  readonly provider: string
  readonly bucket: string
  /** Left then; below 0 is a debt. */
  readonly tokens: number
  readonly agoMs: number
  /** The CDN asked for a pause of so long from now; 0: of none. */
  readonly pausedForMs: number
}

/** Where purges wait, shared by all processes of a namespace. What was added is there until it is said to be done. Every call is one round trip and rejects with the
 *  error of its store. */
export interface PurgeQueue {
  /** What keeps them, for messages. */
  readonly store: 'postgres' | 'redis'
  /** Makes what it needs. Rejects when it cannot be had. */
  open(): Promise<void>
  /** Keeps them. All that come in one stretch of `collectMs` are due at one moment, from half of it to one and a half from now, so that they go out together. */
  add(purges: readonly NewPurge[], collectMs: number): Promise<void>
  /** The oldest that are due in a lane, at most `limit.perRequest`, if the bucket has a token; what they cost is then taken from it, if need be as a debt. */
  take(provider: string, lane: Lane, limit: PurgeLimit, leaseMs: number): Promise<readonly TakenPurge[]>
  /** They were purged. Those of round 1 come again in round 2 after `againInMs`; 0: never. */
  done(purges: readonly TakenPurge[], provider: string, lane: Lane, againInMs: number): Promise<void>
  /** They were not. `lane`: where they wait from now on. `isFree`: the attempt does not count. */
  retry(
    purges: readonly TakenPurge[],
    provider: string,
    lanes: { readonly from: Lane; readonly to: Lane },
    inMs: number,
    isFree: boolean,
  ): Promise<void>
  /** They are given up. */
  bury(purges: readonly TakenPurge[], provider: string, lane: Lane, reason: string): Promise<void>
  /** No request of the bucket for so long. */
  pause(provider: string, bucket: string, forMs: number): Promise<void>
  /** In how many ms the next purge of each lane is due; without those that have none. */
  due(providers: readonly string[]): Promise<readonly { readonly provider: string; readonly lane: Lane; readonly inMs: number }[]>
  counts(providers: readonly string[]): Promise<readonly PurgeCounts[]>
  buckets(providers: readonly string[]): Promise<readonly BucketUse[]>
  /** One purge of everything in place of all that wait for the provider. */
  fold(provider: string): Promise<void>
  /** The newest that were given up, of one provider or of all. */
  dead(limit: number, provider: string | undefined): Promise<readonly DeadPurge[]>
  /** Gives them another chance. Returns how many. */
  replay(which: DeadSelection): Promise<number>
  /** Forgets them. Returns how many. */
  discard(which: DeadSelection): Promise<number>
}

/** The lanes that there are. */
export const LANES: readonly Lane[] = ['tag', 'url', 'all', 'tag!', 'url!', 'all!']

/** What waits in the lane. */
export function kindOf(lane: Lane): PurgeKind {
  return lane.replace('!', '') as PurgeKind
}
