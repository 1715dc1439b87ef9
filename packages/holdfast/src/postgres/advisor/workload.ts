/** Counters of one statement as pg_stat_statements holds them, summed over the users who ran it. */
export interface StatementCounters {
  readonly queryId: string
  readonly calls: number
  readonly totalMs: number
  /** Sum of the squared execution times, ms²; calls × (stddev² + mean²). What makes windows subtract exactly. */
  readonly squaresMs2: number
  /** Rows returned or affected. */
  readonly rows: number
  /** Shortest execution since the counters began, ms. */
  readonly minMs?: number
}

/** One reading of pg_stat_statements for the current database. Plain data: may be stored as JSON. Holds no statement text. */
export interface WorkloadMark {
  readonly atMs: number
  /** When the server last dropped all counters, wall clock; null when it does not say. */
  readonly resetAtMs: number | null
  readonly statements: readonly StatementCounters[]
}

/** What one statement did between two marks. */
export interface StatementWindow {
  readonly queryId: string
  readonly calls: number
  readonly totalMs: number
  readonly meanMs: number
  /** Sample standard deviation of one call. */
  readonly deviationMs: number
  /** Standard error of the mean. */
  readonly errorMs: number
  readonly rows: number
  /** Shortest execution, ms, also of calls before the window. Absent where several statements were taken together. */
  readonly minMs?: number
}

/** What the database did between two marks. */
export interface WorkloadWindow {
  readonly fromMs: number
  readonly toMs: number
  readonly windowMs: number
  readonly totalCalls: number
  readonly totalMs: number
  /** True when all counters were dropped between the marks: what ran before the reset is missing. */
  readonly reset: boolean
  /** Statements whose own counters fell: evicted and come back, or reset one by one. */
  readonly fell: ReadonlySet<string>
  /** By queryId; only statements with calls in the window. */
  readonly statements: ReadonlyMap<string, StatementWindow>
}

/** The difference of two marks. Without `since`, everything that `until` holds, from the reset on.
 *  Counters that fell (reset of one statement, or eviction and return) count from zero. */
export function windowBetween(since: WorkloadMark | undefined, until: WorkloadMark): WorkloadWindow {
  const wasReset = since !== undefined && since.resetAtMs !== until.resetAtMs
  const earlier = new Map<string, StatementCounters>()
  if (since !== undefined && !wasReset) for (const counters of since.statements) earlier.set(counters.queryId, counters)

  const statements = new Map<string, StatementWindow>()
  const fellIds = new Set<string>()
  let totalCalls = 0
  let totalMs = 0
  for (const now of until.statements) {
    const before = earlier.get(now.queryId)
    const fell = before !== undefined && now.calls < before.calls
    if (fell) fellIds.add(now.queryId)
    const window = statementWindow(fell ? undefined : before, now)
    if (window.calls === 0) continue
    statements.set(now.queryId, window)
    totalCalls += window.calls
    totalMs += window.totalMs
  }
  const fromMs = since?.atMs ?? until.resetAtMs ?? until.atMs
  return { fromMs, toMs: until.atMs, windowMs: Math.max(0, until.atMs - fromMs), totalCalls, totalMs, reset: wasReset, fell: fellIds, statements }
}

/** Several statements as one, as if they were one statement with all their calls. Absent without calls. */
export function mergeWindows(queryId: string, windows: readonly StatementWindow[]): StatementWindow | undefined {
  let calls = 0
  let totalMs = 0
  let squaresMs2 = 0
  let rows = 0
  for (const window of windows) {
    calls += window.calls
    totalMs += window.totalMs
    rows += window.rows
    squaresMs2 += window.deviationMs ** 2 * Math.max(0, window.calls - 1) + window.calls * window.meanMs ** 2
  }
  return calls === 0 ? undefined : describe(queryId, calls, totalMs, squaresMs2, rows)
}

function statementWindow(before: StatementCounters | undefined, now: StatementCounters): StatementWindow {
  const calls = now.calls - (before?.calls ?? 0)
  const totalMs = Math.max(0, now.totalMs - (before?.totalMs ?? 0))
  const squaresMs2 = Math.max(0, now.squaresMs2 - (before?.squaresMs2 ?? 0))
  const window = describe(now.queryId, calls, totalMs, squaresMs2, now.rows - (before?.rows ?? 0))
  return now.minMs === undefined ? window : { ...window, minMs: now.minMs }
}

function describe(queryId: string, calls: number, totalMs: number, squaresMs2: number, rows: number): StatementWindow {
  if (calls <= 0) return { queryId, calls: 0, totalMs: 0, meanMs: 0, deviationMs: 0, errorMs: 0, rows: 0 }
  const meanMs = totalMs / calls
  // Cancellation may leave a tiny negative number where all calls took the same time.
  const spread = Math.max(0, squaresMs2 / calls - meanMs ** 2)
  const deviationMs = calls > 1 ? Math.sqrt((spread * calls) / (calls - 1)) : 0
  return { queryId, calls, totalMs, meanMs, deviationMs, errorMs: deviationMs / Math.sqrt(calls), rows }
}
