import pg from 'pg'

/** Statements of the service so far. Inputs: none. Out: statement_count. Least server: 14. Locks: none.
 *  Transaction control is left out, and so is what Holdfast itself sends (it names its schema, or reads statistics). */
const STATEMENT_COUNT_SQL = `
  select coalesce(sum(s.calls), 0)::float8 as statement_count
  from pg_stat_statements s
  join pg_database d on d.oid = s.dbid
  where d.datname = current_database()
    and s.query !~* '^\\s*(begin|start|commit|rollback|savepoint|release|set|show|discard|deallocate|explain|create|drop|analyze)\\M'
    and s.query !~* '(holdfast|pg_stat|pg_catalog|pg_class|pg_index)'`

/** The server's processes that work for the service. Inputs: none. Out: pid. Least server: 14. Locks: none. */
const BACKENDS_SQL = `
  select pid from pg_stat_activity
  where datname = current_database() and backend_type = 'client backend' and application_name <> 'holdfast'`

/** Looks at the service's statements from outside, so that the figures exist also while Holdfast is not loaded. */
export interface StatementCounter {
  /** Statements so far. 1 round trip. */
  read(): Promise<number>
  /** Process ids of the backends that the service holds. 1 round trip. */
  backendPids(): Promise<readonly number[]>
  close(): Promise<void>
}

/** Opens a counter on the database at `url`. */
export async function openStatementCounter(url: string): Promise<StatementCounter> {
  const client = new pg.Client({ connectionString: url, application_name: 'holdfast' })
  client.on('error', () => {})
  await client.connect()
  return {
    async read() {
      const { rows } = await client.query<{ statement_count: number }>(STATEMENT_COUNT_SQL)
      return rows[0]?.statement_count ?? 0
    },
    async backendPids() {
      const { rows } = await client.query<{ pid: number }>(BACKENDS_SQL)
      return rows.map(row => row.pid)
    },
    close: () => client.end(),
  }
}
