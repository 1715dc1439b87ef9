import { cacheErrors } from './errors.ts'
import { compileGlob, type GlobMatch } from './glob.ts'
import { RedisFault, toCodedError } from './redis/fault.ts'
import type { RemoteTier } from './redis/remote-tier.ts'

/** How far a drop by pattern has got. */
export interface PatternProgress {
  /** Entries found so far. While Redis grows or shrinks its tables, one may be found twice. */
  readonly found: number
  /** Those dropped so far; 0 with `dryRun`. */
  readonly dropped: number
}

/** Options of a drop by pattern. */
export interface PatternDropOptions {
  /** Counts and drops nothing. Default false. */
  readonly dryRun?: boolean
  /** Called after each batch. What it throws ends the drop. */
  onProgress?(progress: PatternProgress): void
  /** Ends the drop between two batches, with its reason as the error. */
  readonly signal?: AbortSignal
}

/** What dropping by pattern needs. */
export interface PatternDropDeps {
  readonly tier: RemoteTier | undefined
  /** Forgets in this process what matches. */
  forget(matches: GlobMatch): number
  /** How many entries in this process match. */
  count(matches: GlobMatch): number
}

const MAX_GLOB_LENGTH = 1024
/** Entries deleted together. */
const DELETES_AT_ONCE = 128

/** Drops what matches `glob`; how many entries. */
export async function dropPattern(glob: string, options: PatternDropOptions, deps: PatternDropDeps): Promise<number> {
  if (typeof glob !== 'string' || glob.length === 0 || glob.length > MAX_GLOB_LENGTH) {
    throw cacheErrors.create('HF_CACHE_KEY_INVALID', `the pattern is not a string of 1 to ${MAX_GLOB_LENGTH} characters`, {
      hint: 'write it as for SCAN, for example `user:7:*`',
    })
  }
  const { tier } = deps
  const matches = compileGlob(glob)
  if (tier === undefined) return options.dryRun === true ? deps.count(matches) : deps.forget(matches)
  if (options.dryRun !== true) deps.forget(matches)
  try {
    return await dropFromRedis(glob, options, tier)
  } catch (error) {
    if (!(error instanceof RedisFault)) throw error
    throw toCodedError(error, `dropping ${JSON.stringify(glob)}`)
  } finally {
    // What was read from Redis meanwhile.
    if (options.dryRun !== true) deps.forget(matches)
  }
}

async function dropFromRedis(glob: string, { dryRun = false, onProgress, signal }: PatternDropOptions, tier: RemoteTier): Promise<number> {
  let found = 0
  let dropped = 0
  signal?.throwIfAborted()
  // First, so that loads elsewhere that began before do not keep their values, nor do copies of what Redis has lost already.
  if (!dryRun) await tier.announcePattern(glob)
  for await (const { entries, leased } of tier.scan(glob)) {
    found += entries.length
    for (let at = 0; !dryRun && at < entries.length; at += DELETES_AT_ONCE) {
      const done = await Promise.all(entries.slice(at, at + DELETES_AT_ONCE).map(key => tier.delete(key)))
      dropped += done.filter(Boolean).length
    }
    // Somebody loads them now: without its lease the value is refused.
    if (!dryRun) await Promise.all(leased.map(key => tier.delete(key)))
    onProgress?.({ found, dropped })
    signal?.throwIfAborted()
  }
  return dryRun ? found : dropped
}
