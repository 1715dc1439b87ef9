import { type AdvisorClient, readRows, sqlStateOf } from '../advisor/client.ts'
import { setLimits } from '../upkeep/upkeep-session.ts'
import { type CountedRow, CUTOFF, countRows, estimateRows, type LeavesAnyRow, leavesAny } from './sql/archive-counts.sql.ts'

/** Longest that rows are counted or looked through before a run. */
const COUNT_LIMIT_MS = 60_000
const LOCK_LIMIT_MS = 1000

/** Whether rows would go and none would stay. `undefined`: that was not to be found out in time. Rejects with the driver's other errors. */
export async function takesEverything(client: AdvisorClient, from: string, condition: string): Promise<boolean | undefined> {
  const [row] = (await withinLimit(client, leavesAny(from, condition))) as readonly (LeavesAnyRow | undefined)[] | readonly []
  return row === undefined ? undefined : row.takes && !row.leaves
}

/** Exact counts, or `undefined` when they take too long. Rejects with the driver's other errors. */
export async function countMatching(client: AdvisorClient, from: string, condition: string): Promise<CountedRow | undefined> {
  const [row] = (await withinLimit(client, countRows(from, condition))) as readonly (CountedRow | undefined)[] | readonly []
  return row
}

/** The planner's estimate. Rejects with the driver's error when the condition makes no sense. */
export async function estimateMatching(client: AdvisorClient, from: string, condition: string): Promise<number> {
  await setLimits(client, { lockMs: LOCK_LIMIT_MS, statementMs: COUNT_LIMIT_MS })
  const [row] = await readRows<{ 'QUERY PLAN': readonly { Plan?: { 'Plan Rows'?: number } }[] }>(client, estimateRows(from, condition))
  return row?.['QUERY PLAN'][0]?.Plan?.['Plan Rows'] ?? 0
}

/** The moment that the age means now, as the server writes it. */
export async function readCutoff(client: AdvisorClient, ageMs: number): Promise<string> {
  const [row] = await readRows<{ cutoff: string }>(client, CUTOFF, [ageMs])
  return row!.cutoff
}

async function withinLimit(client: AdvisorClient, statement: string): Promise<readonly unknown[]> {
  await setLimits(client, { lockMs: LOCK_LIMIT_MS, statementMs: COUNT_LIMIT_MS })
  try {
    return (await client.query(statement)).rows
  } catch (error) {
    if (sqlStateOf(error) === '57014') return []
    throw error
  }
}
