/** Milliseconds of CLOCK_MONOTONIC, which all processes of a machine share. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** What every value in the model says of itself: the database of the model is the time itself, so a value is the moment at which it was read. */
export interface Dated {
  readonly key: string
  readonly id: string
  /** When the loader looked, or the write began. */
  readonly atMs: number
  readonly tags: readonly string[]
  readonly isWrite: boolean
}

/** One thing that happened in a process. Times are {@link machineMs}. */
export type Happening =
  | { readonly what: 'read'; readonly key: string; readonly startMs: number; readonly value: Dated | null | undefined; readonly mustExist: boolean }
  /** Loaded or written, and for how long it may be served from then on. */
  | { readonly what: 'made'; readonly id: string; readonly endMs: number; readonly lifeMs: number }
  /** What was there before is not to be seen any more. '' is everything. */
  | {
      readonly what: 'forgotten'
      readonly scope: 'key' | 'tag' | 'all'
      readonly name: string
      readonly startMs: number
      readonly endMs: number
    }
  | { readonly what: 'counted'; readonly key: string; readonly count: number }
  | { readonly what: 'stalled'; readonly fromMs: number; readonly toMs: number }
  /** The process had Redis for away, or still owed it what it had noted. A busy machine does that without a fault of ours. */
  | { readonly what: 'away'; readonly fromMs: number; toMs: number }
  | { readonly what: 'failed'; readonly why: string }

/** The log of one process. A process that was killed and its successor are two. */
export interface ProcessLog {
  readonly name: string
  readonly happenings: Happening[]
  wasKilled: boolean
}

/** `away`: Redis cannot be reached by some. `deaf`: some hear of no changes. */
export interface FaultWindow {
  readonly kind: 'away' | 'deaf'
  readonly fault: string
  readonly fromMs: number
  toMs: number
}

/** A time in which something got no time to run. */
export interface Stall {
  readonly fromMs: number
  readonly toMs: number
}

/** Everything that one batch of histories left behind. */
export interface Evidence {
  readonly histories: number
  readonly logs: readonly ProcessLog[]
  readonly windows: readonly FaultWindow[]
  /** Of Redis and of the proxy. */
  readonly stalls: readonly Stall[]
  readonly wasFlushed: boolean
}
