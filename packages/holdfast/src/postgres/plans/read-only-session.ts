import { type AdvisorClient, readRows } from '../advisor/client.ts'
import type { Explained } from './explained-node.ts'
import { LIMIT_TRANSACTION } from './sql/begin-read-only.sql.ts'
import { type ExplainedRow, explainPreparedGeneric, explainStatement } from './sql/explain-statement.sql.ts'
import type { GivenStatement } from './statement.ts'

/** Longest times in the transaction, ms. */
export interface TransactionLimits {
  readonly statementMs: number
  readonly lockMs: number
}

/** A READ ONLY transaction in which one statement is planned and run. */
export interface ReadOnlySession {
  readonly client: AdvisorClient
  /** The plan for all values; runs nothing. */
  generic(statement: GivenStatement): Promise<Explained>
  /** The plan for these values; with `analyze` the statement is run. */
  explain(statement: GivenStatement, values: readonly unknown[], analyze: boolean): Promise<Explained>
  /** Runs `work` and undoes its settings, also when it fails. */
  aside<T>(work: () => Promise<T>): Promise<T>
}

/** Runs `work` in a READ ONLY transaction with time-outs, which is rolled back whatever happens. */
export async function inReadOnlyTransaction<T>(
  client: AdvisorClient,
  limits: TransactionLimits,
  work: (session: ReadOnlySession) => Promise<T>,
): Promise<T> {
  await client.query('BEGIN READ ONLY')
  try {
    await client.query(LIMIT_TRANSACTION, [String(limits.statementMs), String(limits.lockMs)])
    return await work(sessionOn(client))
  } finally {
    // A connection that was lost has rolled back by itself, and its error is on the way already.
    await client.query('ROLLBACK').catch(() => undefined)
  }
}

function sessionOn(client: AdvisorClient): ReadOnlySession {
  return {
    client,
    generic: async statement => {
      // EXPLAIN (GENERIC_PLAN) says the same, and PostgreSQL 14 and 15 do not have it.
      await client.query("SELECT /* holdfast */ set_config('plan_cache_mode', 'force_generic_plan', true)")
      await client.query(`PREPARE holdfast_generic AS ${statement.text}`)
      return planOf(await readRows<ExplainedRow>(client, explainPreparedGeneric('holdfast_generic', statement.parameterCount)))
    },
    explain: async (statement, values, analyze) => {
      const text = explainStatement(statement.text, analyze)
      return planOf(await readRows<ExplainedRow>(client, values.length === 0 ? extended(text) : text, [...values]))
    },
    aside: async work => {
      await client.query('SAVEPOINT holdfast_aside')
      try {
        return await work()
      } finally {
        await client.query('ROLLBACK TO SAVEPOINT holdfast_aside')
      }
    },
  }
}

/** A statement without values sent by the extended protocol all the same, in which the server takes one statement and no more. `pg` reads an object where
 *  the type says text. */
function extended(text: string): string {
  return { text, queryMode: 'extended' } as unknown as string
}

function planOf([row]: ExplainedRow[]): Explained {
  return row!['QUERY PLAN'][0]!
}
