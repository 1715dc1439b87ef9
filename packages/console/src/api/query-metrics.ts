import { quantileMs, rounded } from '../collect/point.ts'
import type { TrafficWindow } from '../store/traffic-store.ts'
import type { DatabaseQueriesAnswer } from './database-contract.ts'

/** The statements of the window by total time, beside what the server counted. */
export function buildQueryMetrics(
  atMs: number,
  { traffic, coveredMs }: TrafficWindow,
  server: Pick<DatabaseQueriesAnswer, 'server' | 'serverProblem'>,
): DatabaseQueriesAnswer {
  const statements = [...traffic.statements].sort(([, a], [, b]) => b.totalMs - a.totalMs)
  const totalMs = statements.reduce((sum, [, statement]) => sum + statement.totalMs, 0)
  return {
    schema: 'holdfast.database-queries/1',
    atMs,
    windowSec: Math.round(coveredMs / 1000),
    totalMs: rounded(totalMs),
    callCount: statements.reduce((sum, [, statement]) => sum + statement.callCount, 0),
    queries: statements.map(([fingerprint, { text, callCount, errorCount, rowCount, totalMs: ownMs, waitMs, time }]) => ({
      ...{ fingerprint, text, callCount, errorCount, rowCount },
      totalMs: rounded(ownMs),
      meanMs: rounded(ownMs / callCount),
      p50Ms: quantileMs(time, 0.5),
      p95Ms: quantileMs(time, 0.95),
      waitMs: rounded(waitMs),
      shareOfTime: totalMs === 0 ? 0 : rounded(ownMs / totalMs),
    })),
    ...server,
  }
}
