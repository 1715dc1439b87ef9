import { randomBytes } from 'node:crypto'
import { type ClonedDatabase, cloneDatabase, flushStatistics } from '@holdfast/testkit'
import pg from 'pg'
import { type AnalyzeRequest, type AnalyzerOptions, analyzeStatement, type StatementAnalysis } from '../../../../src/postgres/plans/index.ts'

/** A database with one table that gives each rule something to say, and a role that may read nothing of it. */
export interface PlansFixture {
  readonly database: ClonedDatabase
  readonly app: pg.Client
  /** A role that owns nothing and may log in with the password `outsider`. */
  readonly outsider: string
  connect(url?: string): Promise<pg.Client>
  analyze(request: AnalyzeRequest, options?: Partial<AnalyzerOptions>): Promise<StatementAnalysis>
  /** Checksum of everything that a write could have changed. */
  state(): Promise<unknown>
  close(): Promise<void>
}

const seed = (parcels: number): string => `
create table parcel (id int primary key, agent_id int not null, status text not null, city text not null, state text not null, note text not null,
  weight int not null, sent_at timestamptz not null);
insert into parcel select i, i % 3000, case when i % 50 = 0 then 'lost' else 'sent' end, 'city ' || i % 200, 'state ' || i % 200 / 4, 'note ' || md5(i::text),
  i * 7919 % 60000, timestamptz '2026-01-01' + i * interval '1 min' from generate_series(1, ${parcels}) i;
create table tiny (k int primary key, v int not null);
insert into tiny select i, i % 7 from generate_series(1, 200) i;
create table counter (n int not null);
insert into counter values (0);
create function bump() returns int language sql volatile as 'update counter set n = n + 1 returning n';
create function peek() returns bigint language sql stable as 'select count(*) from counter';
create view parcel_secret as select id, agent_id from parcel where note = 'note top-secret';
create view parcel_bump as select id, bump() as bumped from parcel;
create view parcel_deep as select * from parcel_bump;`

/** `parcels`: rows of the larger table. */
export async function plansFixture(name: string, parcels = 60_000): Promise<PlansFixture> {
  const database = await cloneDatabase({ name })
  const clients: pg.Client[] = []
  const connect = async (url = database.url): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    clients.push(client)
    return client
  }
  const app = await connect()
  await app.query(seed(parcels))
  // Counters that a backend has not reported yet would count as changes since ANALYZE.
  await flushStatistics(app)
  await app.query('analyze')
  const outsider = `hf_outsider_${randomBytes(4).toString('hex')}`
  await app.query(`create role ${outsider} login password 'outsider'`)
  return {
    database,
    app,
    outsider,
    connect,
    analyze: (request, options = {}) => analyzeStatement({ connect: () => connect(), random: () => 0.5, ...options }, request),
    async state() {
      const { rows } = await app.query(
        `select (select count(*)::int from parcel) as parcels, (select sum(weight)::int from parcel) as weight, (select n from counter) as bumped,
           (select count(*)::int from pg_class where relnamespace = 'public'::regnamespace) as relations,
           (select count(*)::int from pg_namespace where nspname like 'holdfast%') as schemas,
           (select count(*)::int from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())) as locks`,
      )
      return rows[0]
    },
    async close() {
      await Promise.all(clients.map(client => client.end().catch(() => undefined)))
      await database.drop()
      const server = new pg.Client({ connectionString: process.env.HOLDFAST_TEST_PG_URL! })
      await server.connect()
      await server.query(`drop role ${outsider}`)
      await server.end()
    },
  }
}
