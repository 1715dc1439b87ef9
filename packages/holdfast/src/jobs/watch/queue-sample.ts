/** Attempts of one kind of job in this process, since it started. */
export interface KindTally {
  readonly name: string
  /** Attempts that ended in any way but by a stop. */
  readonly attempts: number
  readonly failed: number
  readonly retried: number
}

/** One look at a queue. */
export interface QueueSample {
  readonly atMs: number
  /** Of all processes. */
  readonly waiting: number
  readonly active: number
  readonly delayed: number
  readonly dead: number
  readonly oldestWaitingMs: number
  readonly isPaused: boolean
  readonly kinds: readonly KindTally[]
}

/** What changed between the oldest and the newest of some looks. */
export interface QueueTrend {
  readonly windowMs: number
  readonly newest: QueueSample
  readonly kinds: readonly KindTally[]
}

/** `undefined` for fewer than two looks. */
export function trendOf(samples: readonly QueueSample[]): QueueTrend | undefined {
  const first = samples[0]
  const newest = samples.at(-1)
  if (first === undefined || newest === undefined || newest.atMs <= first.atMs) return undefined
  const windowMs = newest.atMs - first.atMs
  const kinds = newest.kinds.map(kind => {
    const before = first.kinds.find(({ name }) => name === kind.name) ?? { attempts: 0, failed: 0, retried: 0 }
    return { name: kind.name, attempts: kind.attempts - before.attempts, failed: kind.failed - before.failed, retried: kind.retried - before.retried }
  })
  return { windowMs, newest, kinds }
}
