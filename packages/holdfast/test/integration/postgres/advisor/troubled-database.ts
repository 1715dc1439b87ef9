import { flushStatistics } from '@holdfast/testkit'
import type pg from 'pg'
import type { AdvisorClient } from '../../../../src/postgres/advisor/index.ts'
import { SERVER_FACTS, type ServerFactsRow } from '../../../../src/postgres/advisor/sql/server-facts.sql.ts'

const DAY_MS = 86_400_000

/** A client whose server says that it is so many days later, and that it has counted for two months: what needs a month of patience is judged now.
 *  Nothing else is changed. */
export function daysLater(client: pg.Client, days: number): AdvisorClient {
  return {
    async query(text, values) {
      if (text !== SERVER_FACTS) return client.query(text, values)
      const result = await client.query<ServerFactsRow>(text, values)
      const rows = result.rows.map(row => ({ ...row, nowMs: row.nowMs + days * DAY_MS, statsResetMs: row.nowMs - 60 * DAY_MS }))
      return { rows, rowCount: result.rowCount }
    },
    end: () => client.end(),
  }
}

/** One trouble after the other, each as it comes about in life. */
const TROUBLES = `
create table customer (id int primary key, name text not null);
insert into customer select i, 'customer ' || i from generate_series(1, 12000) i;
create table visit (id bigint generated always as identity primary key, customer_id int not null constraint visit_customer references customer,
  day timestamptz not null, note text not null);
insert into visit (customer_id, day, note) select 1 + i % 11000, timestamptz '2026-01-01' + i * interval '1 min', 'note ' || i from generate_series(1, 20000) i;
create index visit_note_idx on visit (note);
create index visit_day_idx on visit (day);
create index visit_day_twin on visit (day);
create index visit_day_customer_idx on visit (day, id);
create table tally (id int primary key, n int not null) with (autovacuum_enabled = off, fillfactor = 100);
insert into tally select i, i from generate_series(1, 15000) i;
create index tally_n_idx on tally (n);
create table log (id int primary key, line text not null) with (autovacuum_enabled = on);
insert into log select i, 'line' from generate_series(1, 11000) i;
create table fresh (id int not null) with (autovacuum_enabled = off);
create table airy (id int not null, payload text not null) with (autovacuum_enabled = off);
insert into airy select i, md5(i::text) || repeat('x', 970) from generate_series(1, 30000) i;
create table ticket (id int generated always as identity primary key, title text);
create table place (id int primary key, city int not null, zip int not null);
insert into place select i, i % 200, 10000 + i % 200 from generate_series(1, 20000) i;
create table wide (id int primary key, document text not null);
alter table wide alter document set storage plain;
insert into wide select i, repeat(md5(i::text), 75) from generate_series(1, 6000) i;
create table old (id int primary key) with (autovacuum_freeze_max_age = 100000);
insert into old select generate_series(1, 10);
create procedure burn_transactions(n int) language plpgsql as $$ begin for i in 1..n loop perform pg_current_xact_id(); commit; end loop; end $$;
select setval('ticket_id_seq', 2000000000);`

const WRITES = [
  'update tally set n = n + 1',
  'update log set line = line',
  // As if the log had grown: only its own numbers are moved, and what reads them is what a table of this size has.
  "update pg_class set reltuples = 6000000 where oid = 'log'::regclass",
  'insert into fresh select generate_series(1, 20000)',
  'delete from airy where id % 12 <> 0',
  'vacuum (analyze) airy',
  // Written past the shared buffers, so that the next read is one from outside them.
  'vacuum full wide',
  'analyze wide',
  'select count(document) from wide',
] as const

/** Makes the troubles that are in the data. About three seconds. */
export async function makeTroubles(app: pg.Client): Promise<void> {
  await app.query(TROUBLES)
  // What a session wrote within the last second would be counted as written after the ANALYZE.
  await flushStatistics(app)
  await app.query('analyze')
  for (const statement of WRITES) await app.query(statement)
}

/** Leaves an index INVALID: the build waits for a snapshot that does not end, and gives up. */
export async function breakIndexBuild(app: pg.Client, reader: pg.Client): Promise<void> {
  await reader.query('begin isolation level repeatable read')
  await reader.query('select count(*) from place')
  await app.query("set lock_timeout = '50ms'")
  try {
    await app.query('create index concurrently visit_broken_idx on visit (customer_id, day)')
  } catch (error) {
    // 55P03 lock_not_available, which is the point.
    if ((error as { code?: string }).code !== '55P03') throw error
  } finally {
    await app.query('reset lock_timeout')
    await reader.query('rollback')
  }
}

/** Statements that have something to be said about. */
export async function runTroubledStatements(app: pg.Client): Promise<void> {
  await app.query("set work_mem = '256kB'")
  for (let i = 0; i < 6; i += 1) {
    await app.query('select id from airy order by payload, id')
    await app.query('select count(*) from visit where day::date = $1', ['2026-01-05'])
    await app.query('delete from customer where id = $1', [11_500 + i])
  }
  await app.query('reset work_mem')
  for (let i = 0; i < 30; i += 1) {
    await app.query('select id, note from visit order by id offset $1 limit $2', [15_000 + i, 5])
    await app.query('select * from wide where id between $1 and $2', [i * 100, i * 100 + 400])
  }
  for (let i = 0; i < 200; i += 1) await app.query('select count(*) from place where city = $1 and zip = $2', [i % 200, 10_000 + (i % 200)])
  await flushStatistics(app)
}
