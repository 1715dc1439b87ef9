// One database with one set of indexes: makes it, and measures what the hour's reads and writes cost in it.
import pg from 'pg'
import { reads, writes } from './workload.mjs'

/** Most sets of parameters that a read is measured with: of skewed values it takes many until a mean tells. */
const BINDS_EACH = Number(process.env.HOLDFAST_BENCH_BINDS ?? 60)
/** A read that takes long is measured with fewer, as many as this time allows. */
const READ_BUDGET_MS = 500
/** Sets that every read is run with; by their rows it is seen that all arrangements answer the same. */
const LEAST_BINDS = 6
const WRITES_EACH = Number(process.env.HOLDFAST_BENCH_WRITES ?? 1500)

export async function connect(url, database) {
  const at = new URL(url)
  if (database !== undefined) at.pathname = `/${database}`
  const client = new pg.Client({ connectionString: at.href })
  await client.connect()
  return client
}

export async function withClient(url, database, work) {
  const client = await connect(url, database)
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** A copy of the database `from`, with `sql` run in it. */
export async function arrange(url, from, name, sql) {
  await withClient(url, undefined, async client => {
    await client.query(`drop database if exists ${name}`)
    await client.query(`create database ${name} template ${from} strategy file_copy`)
  })
  await withClient(url, name, async client => {
    // The server's own statistics on tables are not copied; without them nothing says that the updates were HOT.
    for (const statement of sql) await client.query(statement)
  })
}

/** Numbers from 0 up to 1, the same for the same seed. */
export function seeded(seed) {
  let state = seed
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2246822519) + 0x9e3779b9) >>> 0
    return state / 2 ** 32
  }
}

/** Runs every read with its binds. Mean time by name, in ms, from pg_stat_statements, and the count of the rows. */
export async function runReads(client, scale) {
  const means = new Map()
  let rowCount = 0
  for (const [at, { name, text, binds }] of reads(scale).entries()) {
    const random = seeded(at + 1)
    const sets = Array.from({ length: BINDS_EACH }, () => binds(random))
    // Once before, so that what is measured is not the disk.
    const warmed = await runSets(client, text, sets)
    await client.query('select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()), 0)')
    rowCount += (await runSets(client, text, sets.slice(0, warmed.count))).rowCount
    const { rows } = await client.query(
      "select sum(total_exec_time) / sum(calls) as mean from pg_stat_statements where query not like '%pg_stat_statements%' and dbid = (select oid from pg_database where datname = current_database())",
    )
    means.set(name, Number(rows[0].mean))
  }
  return { means, rowCount }
}

/** Runs a text with as many of the sets as the budget allows. `rowCount` is that of the sets that always run. */
async function runSets(client, text, sets) {
  const startedAt = performance.now()
  let count = 0
  let rowCount = 0
  for (const set of sets) {
    if (count >= LEAST_BINDS && performance.now() - startedAt > READ_BUDGET_MS) break
    const { rows } = await client.query(text, set)
    if (count < LEAST_BINDS) rowCount += rows.length
    count += 1
  }
  return { count, rowCount }
}

/** Runs the writes, each kind in turn. Mean time by name in ms, and WAL of an hour in bytes. */
export async function runWrites(client, scale, each = WRITES_EACH) {
  const all = writes(scale)
  const randoms = all.map((_, at) => seeded(at + 101))
  const ms = new Map()
  let walBytes = 0
  for (const [at, { name, text, binds, perHour }] of all.entries()) {
    await client.query('checkpoint')
    await client.query('select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()), 0)')
    const before = await lsn(client)
    for (let n = 0; n < each; n++) await client.query(text, binds(randoms[at]))
    walBytes += (((await lsn(client)) - before) / each) * perHour
    const { rows } = await client.query("select sum(total_exec_time) / sum(calls) as mean from pg_stat_statements where query ~ '^(insert|update)'")
    ms.set(name, Number(rows[0].mean))
  }
  return { ms, walBytes }
}

async function lsn(client) {
  const { rows } = await client.query("select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as at")
  return rows[0].at
}

/** The indexes that are not constraints', with what the traps look at. */
export async function indexesIn(client) {
  const { rows } = await client.query(`select c.relname as name, t.relname as table, pg_get_indexdef(i.indexrelid) as definition, am.amname as method,
    pg_relation_size(c.oid)::float8 as bytes, array(select a.attname::text from pg_depend d join pg_attribute a on a.attrelid = i.indrelid and a.attnum = d.refobjsubid
      where d.objid = c.oid and d.refobjid = i.indrelid and d.refobjsubid > 0) as columns
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_class t on t.oid = i.indrelid join pg_am am on am.oid = c.relam
    join pg_namespace n on n.oid = t.relnamespace where n.nspname = 'public' and not exists (select from pg_constraint k where k.conindid = c.oid) order by 2, 1`)
  return rows.map(row => {
    const keys = /USING \w+ \((.*?)\)(?: INCLUDE| WITH| WHERE|$)/.exec(row.definition)?.[1] ?? ''
    return { ...row, keys, first: keys.split(/[ ,]/)[0] }
  })
}

/** Runs a share of an hour's traffic, reads and writes mixed, so that pg_stat_statements holds it. A statement that the share gives no call runs once. */
export async function runTraffic(client, scale, share) {
  await client.query('select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()), 0)')
  const all = [...reads(scale), ...writes(scale)].map((statement, at) => ({
    ...statement,
    random: seeded(at + 301),
    left: Math.max(1, Math.round(statement.perHour * share)),
  }))
  while (all.some(statement => statement.left > 0)) {
    for (const statement of all) {
      if (statement.left <= 0) continue
      // In turns of a tenth, so that every statement runs from the beginning to the end of the window.
      const calls = Math.min(statement.left, Math.max(1, Math.ceil((statement.perHour * share) / 10)))
      statement.left -= calls
      for (let n = 0; n < calls; n++) await client.query(statement.text, statement.binds(statement.random))
    }
  }
  await client.query('select pg_stat_force_next_flush()')
}
