import type { Pool, QueryResult, QueryResultRow } from 'pg'

/** Where a statement can be sent. */
export interface Queryable {
  query<Row extends QueryResultRow>(text: string, values?: unknown[]): Promise<Pick<QueryResult<Row>, 'rows' | 'rowCount'>>
}

/** A transaction being run. */
export interface Transaction extends Queryable {
  /** What the cache holds under these tags is forgotten when, and only when, the transaction commits. */
  invalidate(...tags: string[]): void
}

/** The database as the routes see it. `hf.pg` is one; {@link plainDatabase} is the other. */
export interface Database extends Queryable {
  /** Commits when `work` resolves, rolls back when it throws. */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
}

/** The pool alone, as a service without Holdfast has it. There is no cache, so there is nothing to invalidate. */
export function plainDatabase(pool: Pool): Database {
  return {
    query: (text, values) => pool.query(text, values),
    async transaction(work) {
      const client = await pool.connect()
      try {
        await client.query('begin')
        const result = await work({ query: (text, values) => client.query(text, values), invalidate: () => {} })
        await client.query('commit')
        client.release()
        return result
      } catch (error) {
        // A connection that cannot even roll back is of no more use to anybody.
        await client.query('rollback').then(
          () => client.release(),
          broken => client.release(broken),
        )
        throw error
      }
    },
  }
}
