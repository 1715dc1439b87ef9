import { type ConfigProblems, type Duration, parseDurationMs, parseSizeBytes, type Size } from '../../core/index.ts'

/** How reads are spread over replicas. */
export interface ReplicaOptions {
  /** A replica that is further behind gets no reads. Default `'10s'`. Time is measured from one look to the next, so do not set it below twice `lookEvery`. */
  readonly maxLag?: Duration
  /** The same in bytes of the write-ahead log. Default: no limit. */
  readonly maxLagSize?: Size
  /** How long a read waits at most for a replica to replay what it must see, before it goes to the primary. Shorter, or not at all, while waits of late have cost more than
   *  they were worth: a tenth of this, or as long as the primary takes for a read. Default `'50ms'`; `'0ms'`: it goes at once. */
  readonly replayWait?: Duration
  /** How often the positions of the primary and of each replica are asked for, on one connection to each. Default `'500ms'`. */
  readonly lookEvery?: Duration
  /** A replica that does not answer such a question within this is away, and what reads it had under way is cut and sent elsewhere. Default `'1s'`. */
  readonly answerWithin?: Duration
}

/** Options, resolved. */
export interface ReplicaLimits {
  readonly maxLagMs: number
  readonly maxLagBytes: number
  readonly replayWaitMs: number
  readonly lookEveryMs: number
  readonly answerMs: number
}

/** Adds what is wrong to `problems`. */
export function resolveReplicaLimits(options: ReplicaOptions, problems: ConfigProblems): ReplicaLimits {
  const ms = (name: keyof ReplicaOptions, fallback: Duration, least: number): number => {
    const value = problems.attempt(`pg.replicas.${name}`, () => parseDurationMs(options[name] ?? fallback), least)
    if (value < least) problems.add(`pg.replicas.${name}`, `is ${value} ms, below ${least} ms`)
    return value
  }
  return {
    maxLagMs: ms('maxLag', '10s', 1),
    maxLagBytes:
      options.maxLagSize === undefined
        ? Number.POSITIVE_INFINITY
        : problems.attempt('pg.replicas.maxLagSize', () => parseSizeBytes(options.maxLagSize!), 0),
    replayWaitMs: ms('replayWait', '50ms', 0),
    lookEveryMs: ms('lookEvery', '500ms', 10),
    answerMs: ms('answerWithin', '1s', 10),
  }
}
