import { type ClonedDatabase, cloneDatabase, flushStatistics } from '@holdfast/testkit'
import pg from 'pg'
import { type Advisor, type AdvisorOptions, createAdvisor } from '../../../../src/postgres/advisor/index.ts'

/** A database of its own with an assignment table of 100,000 rows that lacks an index on (agent_id, status). */
export interface AdvisorFixture {
  readonly database: ClonedDatabase
  /** The application's connection. */
  readonly app: pg.Client
  /** Opens another connection; closed with the fixture. */
  connect(url?: string): Promise<pg.Client>
  advisor(options?: Partial<AdvisorOptions>): Advisor
  /** Runs the slow statement with agents in turn. */
  readByAgent(calls: number): Promise<void>
  close(): Promise<void>
}

const SEED = `
create table assignment (id bigint generated always as identity primary key, agent_id int not null, status text not null, assigned_at timestamptz not null,
  active boolean not null, score int not null, note text not null) with (fillfactor = 50);
insert into assignment (agent_id, status, assigned_at, active, score, note)
  select 1 + (i * 7919) % 500, case when i % 50 = 0 then 'escalated' when i % 3 = 0 then 'open' else 'closed' end,
    timestamptz '2026-01-01' + i * interval '1 min', i % 10 <> 0, i % 1000, repeat('x', 60) from generate_series(1, 100000) i;
create table tiny (k int primary key, v int not null);
insert into tiny select i, i % 7 from generate_series(1, 200) i;
analyze assignment; analyze tiny;`

export async function advisorFixture(name: string): Promise<AdvisorFixture> {
  const database = await cloneDatabase({ name })
  const clients: pg.Client[] = []
  const connect = async (url = database.url): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url })
    // A backend that a test terminates reports on the socket as well.
    client.on('error', () => undefined)
    await client.connect()
    clients.push(client)
    return client
  }
  const app = await connect()
  await app.query(SEED)
  return {
    database,
    app,
    connect,
    advisor: (options = {}) => createAdvisor({ connect: () => connect(), ...options }),
    async readByAgent(calls) {
      for (let i = 0; i < calls; i += 1) {
        await app.query('select id from assignment where agent_id = $1 and status = $2 order by assigned_at desc limit $3', [
          1 + (i % 500),
          i % 4 === 0 ? 'escalated' : 'open',
          20,
        ])
      }
      // A backend reports its use of indexes once a second at most; a test does not wait for that.
      await flushStatistics(app)
    },
    async close() {
      await Promise.all(clients.map(client => client.end().catch(() => undefined)))
      await database.drop()
    },
  }
}

/** Names of the indexes of the assignment table, with an exclamation mark behind an INVALID one. */
export async function indexesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `select c.relname || case when i.indisvalid then '' else '!' end as name from pg_index i join pg_class c on c.oid = i.indexrelid
     where i.indrelid = 'assignment'::regclass order by 1`,
  )
  return rows.map(row => row.name)
}
