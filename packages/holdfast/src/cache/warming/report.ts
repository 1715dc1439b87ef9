/** How warming a source ended. `warmed`: every key was tried. `budget`: the time was up. `failed`: the keys could not be listed, or one load after the other
 *  failed. `done`: another process did it. `elsewhere`: another process still does. `away`: Redis does not answer, and without it every process would load
 *  everything. `lost`: Redis was away for so long that another process may have taken over. `stopped`: stopped before the end. */
export type WarmingOutcome = 'warmed' | 'budget' | 'failed' | 'done' | 'elsewhere' | 'away' | 'lost' | 'stopped'

/** What became of the keys of a source. */
export interface WarmingCounts {
  /** Keys taken from the list so far. */
  readonly listed: number
  /** Loaded and stored. */
  readonly loaded: number
  /** There already, or loaded by somebody else meanwhile. */
  readonly fresh: number
  /** The loader had no value. */
  readonly absent: number
  readonly failed: number
  /** Taken from the list and not tried, because the end came first. */
  readonly skipped: number
}

/** One source of a run. */
export interface SourceReport extends WarmingCounts {
  readonly source: string
  readonly outcome: WarmingOutcome
  readonly tookMs: number
  /** The first five different errors, as text. */
  readonly errors: readonly string[]
}

/** A source while it is warmed, or as its last run left it. */
export interface SourceProgress extends WarmingCounts {
  readonly source: string
  /** `idle`: never in this process. `waiting`: for another source, or another process. `running`: here and now. Else how the last run ended. */
  readonly state: 'idle' | 'waiting' | 'running' | WarmingOutcome
  /** Length of the list, when `keys` gave an array. */
  readonly total: number | undefined
}

/** One run over one or more sources. */
export interface WarmingReport {
  /** Why it was made: a process started (with it what is warmed on deploy), the clock, `requestWarming`, or `warm`. */
  readonly occasion: 'start' | 'tick' | 'request' | 'hand'
  /** Wall clock. */
  readonly startedAtMs: number
  readonly tookMs: number
  readonly sources: readonly SourceReport[]
}

/** No key yet. */
export const NO_COUNTS: WarmingCounts = { listed: 0, loaded: 0, fresh: 0, absent: 0, failed: 0, skipped: 0 }
