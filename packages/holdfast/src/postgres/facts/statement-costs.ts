import { type AdvisorClient, readRows, sqlStateOf } from '../advisor/client.ts'
import { advisorErrors } from '../advisor/errors.ts'
import { readSurroundings } from '../advisor/read-workload.ts'
import { readStatementsInfo, type StatementsInfoRow } from '../advisor/sql/read-statements-info.sql.ts'
import { identifyStatement, loadParser, STORED_TEXT_LIMIT } from '../fingerprint.ts'
import type { StatementSnapshot } from '../statement-store.ts'
import { seenStatement } from './seen-statement.ts'
import { type StatementCostRow, statementCosts } from './sql/statement-costs.sql.ts'
import { shareOf } from './table-facts.ts'

/** What one statement cost since the counters began. */
export interface StatementCost {
  /** Of pg_stat_statements; null where the role may not see it. */
  readonly queryId: string | null
  /** Of the normalised text, the same as in {@link StatementSnapshot}; null without a text. */
  readonly fingerprint: string | null
  /** Normalised text; null where the role may not see it. */
  readonly text: string | null
  readonly callCount: number
  readonly totalMs: number
  readonly meanMs: number
  /** Standard deviation of one call. */
  readonly deviationMs: number
  readonly leastMs: number
  readonly mostMs: number
  /** Returned or changed. */
  readonly rowCount: number
  /** Of the time of all statements of this database. */
  readonly shareOfTime: number
  /** Blocks found in PostgreSQL's own memory, of all that it read; null when it read none. */
  readonly hitRatio: number | null
  /** Written to temporary files. */
  readonly temporaryBytes: number
}

/** The statements of a database by total time. */
export interface StatementReport {
  readonly atMs: number
  /** When the counters began; null when the server does not say. */
  readonly countersSinceMs: number | null
  /** Of all statements, those beyond the limit included. */
  readonly totalMs: number
  readonly callCount: number
  readonly statements: readonly StatementCost[]
  /** False: other roles' statements have neither text nor id, because the role lacks pg_read_all_stats (or pg_monitor). */
  readonly maySeeAll: boolean
}

/** The statements with most time. 3 round trips. @throws HF_PG_STATEMENTS_MISSING */
export async function readStatementCosts(client: AdvisorClient, limit: number): Promise<StatementReport> {
  const { schema, mayReadAll } = await readSurroundings(client)
  try {
    const [info] = await readRows<StatementsInfoRow>(client, readStatementsInfo(schema))
    await loadParser()
    const rows = await readRows<StatementCostRow>(client, statementCosts(schema), [limit])
    return {
      atMs: info!.atMs,
      countersSinceMs: info!.resetAtMs,
      totalMs: rows[0]?.wholeMs ?? 0,
      callCount: rows[0]?.wholeCalls ?? 0,
      statements: rows.map(statementCost),
      maySeeAll: mayReadAll,
    }
  } catch (error) {
    // 55000 object_not_in_prerequisite_state: created, but not in shared_preload_libraries.
    if (sqlStateOf(error) !== '55000') throw error
    throw advisorErrors.create('HF_PG_STATEMENTS_MISSING', 'pg_stat_statements is created, but the server does not load it', { cause: error })
  }
}

function statementCost(row: StatementCostRow): StatementCost {
  const { queryId, text, callCount, totalMs, rowCount, leastMs, mostMs, squaresMs2, blocksHit, blocksRead, temporaryBytes, wholeMs } = row
  const shown = seenStatement(text, STORED_TEXT_LIMIT)
  const meanMs = callCount === 0 ? 0 : totalMs / callCount
  // Cancellation may leave a tiny negative number where all calls took the same time.
  const deviationMs = callCount === 0 ? 0 : Math.sqrt(Math.max(0, squaresMs2 / callCount - meanMs ** 2))
  return {
    ...{
      queryId,
      text: shown,
      fingerprint: shown === null ? null : identifyStatement(text!).fingerprint,
      callCount,
      totalMs,
      meanMs,
      deviationMs,
      leastMs,
      mostMs,
      rowCount,
      temporaryBytes,
    },
    shareOfTime: shareOf(totalMs, wholeMs) ?? 0,
    hitRatio: shareOf(blocksHit, blocksHit + blocksRead),
  }
}
