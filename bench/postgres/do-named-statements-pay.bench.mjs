// The question: would it pay if Holdfast gave every statement a name, so that the server parses and plans it once for each connection?
// Both take turns of a fraction of a second in one process, over the same PostgreSQL (DATABASE_URL, else one that is started here) and the same pool size.
// Each turn is compared with the other's beside it. docs/decisions/0003 says what follows from it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { startServices } from '@holdfast/dev-services'
import pg from 'pg'
import { machine, median, ratioInterval } from '../harness.mjs'

const TURNS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 15)
const WARM_UP_TURNS = 3
const SATURATED_MS = 300
const CONCURRENCY = 16
const POOL_SIZE = 5
const ROWS = 100_000
const KINDS = 20
/** A read by primary key, a join of four tables by keys, and a statement whose parameter is skewed: 95 % of the rows are open, 0.01 % are lost. */
const STATEMENTS = {
  'one row by key': { text: 'select id, kind, status, note from item where id = $1', values: n => [1 + (n % ROWS)] },
  'four tables by keys': {
    text: `select a.id, k.name, b.note from item a join kind k on k.id = a.kind left join item b on b.id = a.id + 1 left join kind l on l.id = b.kind
      where a.id = $1 and a.status = any($2)`,
    values: n => [1 + (n % ROWS), ['open', 'lost']],
  },
  'a rare value of a skewed column': {
    text: 'select id, note from item where status = $1 order by id limit 20',
    // A service asks for the common value nearly always; the tenth turn of each connection is long past when a rare one comes.
    values: n => [n % 50 === 0 ? 'lost' : 'open'],
  },
}
const SCHEMA = `create table kind (id int primary key, name text);
  create table item (id int primary key, kind int, status text, note text);
  insert into kind select n, 'kind ' || n from generate_series(0, ${KINDS - 1}) n;
  insert into item select n, n % ${KINDS}, case when n % 10000 = 9999 then 'lost' when n % 20 = 0 then 'won' else 'open' end, md5(n::text)
    from generate_series(1, ${ROWS}) n;
  create index on item (status); analyze`

const services = await startServices({ only: ['postgres'], durable: false, onProgress: line => console.error(line) })
const pools = { unnamed: newPool('bench_unnamed'), named: newPool('bench_named') }
const rows = []
try {
  await pools.unnamed.query(`create schema if not exists named_bench; ${SCHEMA}`)
  for (const [what, statement] of Object.entries(STATEMENTS)) rows.push(...(await compare(what, statement)))
} finally {
  await Promise.all(Object.values(pools).map(pool => pool.end()))
  await services.stop()
}
const out = fileURLToPath(new URL('../results/postgres/do-named-statements-pay.json', import.meta.url))
mkdirSync(new URL('../results/postgres/', import.meta.url), { recursive: true })
writeFileSync(
  out,
  `${JSON.stringify({ question: 'do-named-statements-pay', turns: TURNS, rows, postgresVersion: services.postgres.version, machine: machine() }, null, 1)}\n`,
)

function newPool(name) {
  const pool = new pg.Pool({ connectionString: services.postgres.url, max: POOL_SIZE, application_name: name, options: '-c search_path=named_bench' })
  // The server is stopped while the last connections close.
  return pool.on('error', () => undefined)
}

/** CPU time of the pool's server processes, in us. They run on this machine, and Linux counts it to the nanosecond. */
async function serverCpuUs(name) {
  const { rows } = await pools[name].query('select pid from pg_stat_activity where application_name = $1', [`bench_${name}`])
  return rows.reduce((sum, { pid }) => sum + Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1000, 0)
}

async function compare(what, { text, values }) {
  const send = {
    unnamed: n => pools.unnamed.query(text, values(n)),
    named: n => pools.named.query({ name: `bench ${what}`, text, values: values(n) }),
  }
  for (const n of [50, 51]) {
    const [a, b] = await Promise.all([send.unnamed(n), send.named(n)])
    if (JSON.stringify(a.rows) !== JSON.stringify(b.rows) || a.rows.length === 0) throw new Error(`${what}: the two do not agree`)
  }
  const turns = { unnamed: [], named: [] }
  for (let turn = 0; turn < WARM_UP_TURNS + TURNS; turn++) {
    for (const name of turn % 2 === 0 ? ['unnamed', 'named'] : ['named', 'unnamed']) {
      const taken = await saturate(name, send[name])
      if (turn >= WARM_UP_TURNS) turns[name].push(taken)
    }
  }
  return ['clientCpuUs', 'serverCpuUs', 'perSec'].map(figure => {
    const [base, other] = ['unnamed', 'named'].map(name => turns[name].map(turn => turn[figure]))
    const row = { what, figure, unnamed: median(base), named: median(other), ...ratioInterval(other, base) }
    const interval = `x ${row.ratio.toFixed(2)} (${row.low.toFixed(2)} to ${row.high.toFixed(2)})`
    console.log(`${what}, ${figure}: unnamed ${row.unnamed.toFixed(1)}, named ${row.named.toFixed(1)}, ${interval}`)
    return row
  })
}

/** CPU of this process and of the server's, for each statement: what others do on the machine hardly changes it. */
async function saturate(name, send) {
  const serverBefore = await serverCpuUs(name)
  const before = process.cpuUsage()
  const endMs = performance.now() + SATURATED_MS
  let count = 0
  const loop = async () => {
    while (performance.now() < endMs) await send(count++)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, loop))
  const { user, system } = process.cpuUsage(before)
  return {
    clientCpuUs: (user + system) / count,
    serverCpuUs: ((await serverCpuUs(name)) - serverBefore) / count,
    perSec: (count / SATURATED_MS) * 1000,
  }
}
