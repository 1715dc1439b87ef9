import { cancellable } from '../upkeep/upkeep-session.ts'
import type { ActionContext } from './action.ts'
import type { TableFacts } from './catalog.ts'
import { type AdvisorClient, messageOf, readRows, sqlStateOf, withClient } from './client.ts'
import { advisorErrors } from './errors.ts'
import { quoteQualified } from './identifier.ts'
import { INDEX_STATE, type IndexStateRow } from './sql/index-state.sql.ts'
import { OLD_TRANSACTIONS, type OldTransactionRow } from './sql/old-transactions.sql.ts'
import { SESSION_FACTS, SET_LIMITS, type SessionFactsRow, TRY_ACTION_LOCK } from './sql/session-facts.sql.ts'

/** Bounds of one change, ms. */
export interface ChangeLimits {
  readonly lockMs: number
  readonly statementMs: number
}

/** Attempts to drop a leftover; each waits up to the lock time-out. */
const DROP_ATTEMPTS = 5

/** Makes sure that a change may begin: right checked, lock taken, old transactions named.
 *  @param waits whether it waits for transactions that are open, as a concurrent build or drop does
 *  @throws HF_PG_NOT_DIRECT, HF_PG_NOT_ALLOWED, HF_PG_APPLY_BUSY, HF_PG_APPLY_BLOCKED */
export async function guardChange(
  { client, ledger }: ActionContext,
  table: TableFacts,
  limits: ChangeLimits,
  waits = true,
): Promise<SessionFactsRow> {
  const [session] = await readRows<SessionFactsRow>(client, SESSION_FACTS)
  const { pid, role, database } = session!
  if (typeof client.processID === 'number' && client.processID !== pid)
    throw advisorErrors.create(
      'HF_PG_NOT_DIRECT',
      `changing ${table.schema}.${table.name}: backend ${pid} answers, and ${client.processID} was logged in to`,
    )
  if (!ledger.persistent) {
    const grant = `GRANT CREATE ON DATABASE ${database} TO ${role}`
    throw advisorErrors.create('HF_PG_NOT_ALLOWED', `role ${role} may not keep the ledger in schema holdfast: ${grant}`, {
      hint: grant,
      context: { role },
    })
  }
  if (!table.isOwner) {
    const grant = `GRANT ${table.owner} TO ${role}`
    throw advisorErrors.create('HF_PG_NOT_ALLOWED', `only ${table.owner} may change ${table.schema}.${table.name}: ${grant}`, {
      hint: grant,
      context: { role, owner: table.owner },
    })
  }
  const [lock] = await readRows<{ taken: boolean }>(client, TRY_ACTION_LOCK)
  if (lock?.taken !== true) throw advisorErrors.create('HF_PG_APPLY_BUSY', `another index change is running in database ${database}`)
  if (waits) await refuseOldTransactions(client, table, limits.lockMs)
  return session!
}

/** Runs one CREATE or DROP INDEX CONCURRENTLY within the limits, which hold for this statement only; an abort ends it in the server.
 *  Rejects with the driver's error, or the signal's reason. */
export async function runChange(context: ActionContext, sql: string, limits: ChangeLimits): Promise<void> {
  const { client, signal } = context
  const [session] = await readRows<SessionFactsRow>(client, SESSION_FACTS)
  await client.query(SET_LIMITS, [String(limits.lockMs), String(limits.statementMs)])
  await cancellable(context, session!.pid, signal, () => client.query(sql))
  await client.query(SET_LIMITS, ['0', '0'])
}

/** The state of the index, or `undefined` when no relation has the name. */
export async function readIndexState(client: AdvisorClient, schema: string, name: string): Promise<IndexStateRow | undefined> {
  const [row] = await readRows<IndexStateRow>(client, INDEX_STATE, [schema, name])
  return row
}

/** Drops an index with bounded waits on a fresh connection, because the one that failed may be gone. Resolves when it is seen to be gone.
 *  @throws HF_PG_INDEX_LEFTOVER */
export function dropLeftover(context: Pick<ActionContext, 'connect' | 'onProgress'>, schema: string, name: string, lockMs: number): Promise<void> {
  return withClient(context.connect, async client => {
    const sql = `DROP INDEX CONCURRENTLY IF EXISTS ${quoteQualified(schema, name)}`
    await client.query(SET_LIMITS, [String(lockMs), '0'])
    let last: unknown
    for (let attempt = 0; attempt < DROP_ATTEMPTS; attempt += 1) {
      try {
        await client.query(sql)
      } catch (error) {
        // 55P03 lock_not_available: somebody still reads the table.
        if (sqlStateOf(error) !== '55P03') throw error
        last = error
        context.onProgress(`waiting to drop the INVALID index ${name}: ${messageOf(error)}`)
      }
      if ((await readIndexState(client, schema, name)) === undefined) return
    }
    throw advisorErrors.create('HF_PG_INDEX_LEFTOVER', `INVALID index ${schema}.${name} could not be dropped in ${DROP_ATTEMPTS} attempts: ${sql}`, {
      context: { schema, name },
      cause: last,
    })
  })
}

/** The server's refusal of a change in our words; the reason of a signal as it is. */
export function changeError(error: unknown, what: string, limits: ChangeLimits, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason
  const state = sqlStateOf(error)
  if (state === '55P03') {
    return advisorErrors.create('HF_PG_APPLY_LOCKED', `${what}: no lock within ${limits.lockMs} ms`, {
      context: { lockMs: limits.lockMs },
      cause: error,
    })
  }
  if (state === '57014') {
    return advisorErrors.create('HF_PG_APPLY_TIMEOUT', `${what}: not done within ${limits.statementMs} ms`, {
      context: { statementMs: limits.statementMs },
      cause: error,
    })
  }
  return advisorErrors.create('HF_PG_APPLY_FAILED', `${what}: ${messageOf(error)}`, { context: { sqlState: state }, cause: error })
}

async function refuseOldTransactions(client: AdvisorClient, table: TableFacts, lockMs: number): Promise<void> {
  const old = await readRows<OldTransactionRow>(client, OLD_TRANSACTIONS, [table.oid, lockMs])
  if (old.length === 0) return
  const named = old
    .slice(0, 3)
    .map(({ pid, who, state, ageMs }) => `${pid === null ? 'prepared transaction' : `pid ${pid}`} ${who} (${state}, ${Math.round(ageMs / 1000)} s)`)
  throw advisorErrors.create('HF_PG_APPLY_BLOCKED', `${old.length} open transaction(s) older than ${lockMs} ms: ${named.join(', ')}`, {
    context: { transactions: old.slice(0, 10) },
  })
}
