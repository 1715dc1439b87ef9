// The claim: the set of indexes that the advisor chooses leaves at most 1.5 times the read time that the best set known by hand leaves, takes none of the workload's
// traps, costs writers and the disk no more than 1.5 and 1.3 times as much, and says beforehand, within a factor of two, what is measured afterwards; it is found in less
// than five minutes, and no writer waits for it. Databases with the same rows: no index, advice by pattern, the best set, ours of an advisor that sees pg_stat_statements
// and nothing else, and ours of one in the process of a service, whose pool has seen up to 16 sets of parameters of each statement.
// Writers run beside it: one on a table that is copied, and one in another database as a control, which no lock of the advisor can reach.
// HOLDFAST_BENCH_SCALE (default 0.75: a million rows; 1: 1.4 million) makes it smaller, HOLDFAST_BENCH_BINDS (60) bounds the parameters of each statement.
import { startServices } from '@holdfast/dev-services'
import { createAdvisor, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { median } from '../harness.mjs'
import { reportTable } from '../table.mjs'
import { arrange, connect, indexesIn, runReads, runTraffic, runWrites, withClient } from './arrangement.mjs'
import { isSlower } from './paired-reads.mjs'
import { patternAdvice } from './pattern-advice.mjs'
import { BEST_SET, reads, TRAPS, writes } from './workload.mjs'
import { dataSql } from './workload-data.mjs'
import { startWriter, watchBlocked } from './writers.mjs'

const SCALE = Number(process.env.HOLDFAST_BENCH_SCALE ?? 0.75)
/** Share of an hour's traffic that pg_stat_statements sees before the advisor is asked. */
const TRAFFIC_SHARE = Number(process.env.HOLDFAST_BENCH_SHARE ?? 0.0025)
/** How long the writer runs by itself before, to tell what the machine does from what the advisor does. */
const WRITER_ALONE_MS = 15_000
/** Reads that take longer than without indexes by more than this are run again, with and without by turns. */
const SUSPECT_RATIO = 1.1
const SUSPECT_MS = 0.02
const OURS = 'ours'
const SEEN = 'ours, parameters seen'

const services = await startServices({ only: ['postgres'], onProgress: line => console.error(line) })
const { url } = services.postgres
try {
  await makeBase()
  const advice = { [OURS]: await advise(), [SEEN]: await adviseHavingSeen() }
  const arrangements = {
    'no index': [],
    'by pattern': await byPattern(),
    'best known set': [...BEST_SET, 'analyze'],
    [OURS]: advice[OURS].sql,
    [SEEN]: advice[SEEN].sql,
  }
  const figures = {}
  for (const [name, sql] of Object.entries(arrangements)) figures[name] = await measure(name, sql, figures['no index'])
  report(figures, advice)
} finally {
  await services.stop()
}

async function makeBase() {
  await withClient(url, undefined, async client => {
    await client.query('drop database if exists advisor_base')
    await client.query('create database advisor_base')
  })
  await withClient(url, 'advisor_base', async client => {
    await client.query('create extension if not exists pg_stat_statements')
    for (const sql of dataSql(SCALE)) await client.query(sql)
  })
}

/** Asks the advisor after some traffic, while a writer runs. */
async function advise() {
  await arrange(url, 'advisor_base', 'advisor_asked', [])
  await withClient(url, 'advisor_asked', client => runTraffic(client, SCALE, TRAFFIC_SHARE))
  await arrange(url, 'advisor_base', 'advisor_control', [])
  const leadCount = Math.round(250_000 * SCALE)
  const alone = startWriter(url, 'advisor_asked', leadCount)
  await new Promise(resolve => setTimeout(resolve, WRITER_ALONE_MS))
  const { longestMs: aloneWaitMs } = await alone.stop()
  const writer = startWriter(url, 'advisor_asked', leadCount)
  const control = startWriter(url, 'advisor_control', leadCount)
  const stopWatching = watchBlocked(url, 'advisor_asked', writer)
  const advisor = createAdvisor({ connect: () => connect(url, 'advisor_asked'), onProgress: line => console.error(`  ${line}`) })
  // Only what proposes indexes: the other rules judge the server, not the workload.
  const report = await advisor.advise({ rules: 'pg/missing-index' })
  const blockedMs = await stopWatching()
  const { longestMs: longestWaitMs, p99Ms: p99WaitMs } = await writer.stop()
  const { longestMs: controlWaitMs } = await control.stop()
  return { ...adviceIn(report), aloneWaitMs, controlWaitMs, longestWaitMs, p99WaitMs, blockedMs }
}

/** Asks an advisor that knows what a pool has seen of the same traffic. */
async function adviseHavingSeen() {
  await arrange(url, 'advisor_base', 'advisor_seen', [])
  const at = new URL(url)
  at.pathname = '/advisor_seen'
  const pool = new pg.Pool({ connectionString: at.href, max: 1 })
  const watched = observePool(pool, { registry: createRegistry() })
  await watched.start()
  await runTraffic(pool, SCALE, TRAFFIC_SHARE)
  const advisor = createAdvisor({ connect: () => connect(url, 'advisor_seen'), bindsOf: text => watched.bindsOf(text) })
  const report = await advisor.advise({ rules: 'pg/missing-index' })
  await watched.stop()
  await pool.end()
  return adviceIn(report)
}

function adviceIn({ findings, served, refused, tookMs, windowMs }) {
  if (findings.length === 0) throw new Error('the advisor found nothing, so there is nothing to measure')
  for (const { recommendation, savesMsPerSec } of findings) console.error(`  ${savesMsPerSec.toFixed(1).padStart(7)} ms/s  ${recommendation.sql[0]}`)
  const claims = new Map(
    served.map(({ statement, calls, savesMsPerSec, ratio, ratioRange, beforeMs, afterMs }) => {
      const range = [ratioRange.low, ratioRange.high].map(end => (ratio > 0 ? (end / ratio) * afterMs : end * beforeMs))
      return [shapeOf(statement), { afterMs, range, savedMs: (savesMsPerSec * windowMs) / 1000 / calls }]
    }),
  )
  const sql = findings.flatMap(({ recommendation }) => recommendation.sql)
  return { sql, claims, refusedCount: refused.length, tookMs }
}

function byPattern() {
  return withClient(url, 'advisor_base', async client => {
    const { rows } =
      await client.query(`select c.relname as table, greatest(c.reltuples, 0)::float8 as rows, s.attname as column, s.null_frac::float8 as nulls,
      case when s.n_distinct < 0 then -s.n_distinct * c.reltuples else s.n_distinct end::float8 as distinct
      from pg_stats s join pg_class c on c.relname = s.tablename and c.relnamespace = 'public'::regnamespace where s.schemaname = 'public'`)
    const { rows: keys } =
      await client.query(`select t.relname as table, array(select a.attname::text from unnest(i.indkey::int2[]) with ordinality k(n, at)
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.n order by k.at) as columns
      from pg_index i join pg_class t on t.oid = i.indrelid where t.relnamespace = 'public'::regnamespace`)
    const stats = new Map()
    for (const row of rows) {
      const table = stats.get(row.table) ?? {
        rowCount: row.rows,
        columns: new Map(),
        indexes: keys.filter(key => key.table === row.table).map(key => key.columns),
      }
      table.columns.set(row.column, { distinct: row.distinct, nulls: row.nulls })
      stats.set(row.table, table)
    }
    return patternAdvice(
      reads(SCALE).map(({ text }) => text),
      stats,
    )
  })
}

async function measure(name, sql, none) {
  console.error(`measuring: ${name}`)
  await arrange(url, 'advisor_base', 'advisor_measured', sql)
  return withClient(url, 'advisor_measured', async client => {
    const indexes = await indexesIn(client)
    const { means, rowCount } = await runReads(client, SCALE)
    const suspects =
      none === undefined ? [] : reads(SCALE).filter(read => means.get(read.name) > none.means.get(read.name) * SUSPECT_RATIO + SUSPECT_MS)
    const slower = []
    for (const read of suspects) {
      const names = indexes.map(index => index.name)
      if (await isSlower(client, read, names)) slower.push(read.name)
    }
    const { ms, walBytes } = await runWrites(client, SCALE)
    const perHour = (statements, times) => statements.reduce((sum, statement) => sum + (statement.perHour * times.get(statement.name)) / 1000, 0)
    return {
      means,
      rowCount,
      slower: slower.join(', ') || 'none',
      readsLeftS: perHour(reads(SCALE), means),
      writeS: perHour(writes(SCALE), ms),
      walMb: walBytes / 2 ** 20,
      sizeMb: indexes.reduce((sum, index) => sum + index.bytes, 0) / 2 ** 20,
      indexCount: indexes.length,
      traps: TRAPS.filter(({ takes }) => indexes.some(takes)).map(({ trap }) => trap),
    }
  })
}

/** The text with its parameters and constants as pg_stat_statements and the workload write them made alike. */
function shapeOf(text) {
  return text.replace(/\$\d+|'[^']*'/g, '?').replace(/limit (\d+)/g, 'limit ?')
}

/** What was claimed of each served read against what was measured: the time that a call has left, and the time that it saves. */
function judgeClaims(claims, before, after) {
  const left = []
  const saved = []
  const ranges = []
  for (const { name, text } of reads(SCALE)) {
    const claim = claims.get(shapeOf(text))
    if (claim === undefined) continue
    left.push({ name, ratio: claim.afterMs / after.get(name) })
    saved.push({ name, ratio: claim.savedMs / (before.get(name) - after.get(name)) })
    const [low, high] = claim.range
    ranges.push({ name, isIn: after.get(name) >= low && after.get(name) <= high, width: high / low })
  }
  return { left: withinTwo(left), saved: withinTwo(saved), range: inRange(ranges) }
}

function inRange(ranges) {
  const out = ranges.filter(({ isIn }) => !isIn).map(({ name }) => name)
  const within = ranges.length - out.length
  return {
    text: `${within} of ${ranges.length}`,
    share: within / ranges.length,
    width: median(ranges.map(({ width }) => width)),
    missed: out.join(', ') || 'none',
  }
}

function withinTwo(ratios) {
  const missed = ratios.filter(({ ratio }) => !(ratio >= 0.5 && ratio <= 2))
  const within = ratios.length - missed.length
  const text = `${within} of ${ratios.length}`
  return { text, share: within / ratios.length, missed: missed.map(({ name, ratio }) => `${name} ${ratio.toFixed(2)}`).join(', ') || 'none' }
}

function report(figures, advice) {
  const best = figures['best known set']
  const none = figures['no index']
  for (const [name, { rowCount }] of Object.entries(figures))
    if (rowCount !== none.rowCount) throw new Error(`${name} returns other rows: ${rowCount} for ${none.rowCount}`)
  const rows = new Map(
    Object.entries(figures).map(([name, figure]) => [
      name,
      {
        ...figure,
        readsRatio: figure.readsLeftS / best.readsLeftS,
        writeRatio: figure.writeS / best.writeS,
        walRatio: figure.walMb / best.walMb,
        sizeRatio: figure.sizeMb / best.sizeMb,
        trapCount: figure.traps.length,
        trapNames: figure.traps.join(', ') || 'none',
        ...(advice[name] === undefined ? {} : ofAdvice(advice[name], judgeClaims(advice[name].claims, none.means, figure.means))),
      },
    ]),
  )
  reportTable(import.meta.url, {
    about: `${reads(SCALE).length} reads with 10 traps among them and ${writes(SCALE).length} writes on ${Math.round(1400 * SCALE)} thousand rows; seconds of an hour; ratios to the best known set`,
    transposed: true,
    columns: [
      { key: 'indexCount', title: 'indexes' },
      { key: 'readsLeftS', title: 'reads left, s an hour', digits: 1 },
      { key: 'readsRatio', title: 'reads left, ratio', digits: 2 },
      { key: 'writeS', title: 'writes, s an hour', digits: 1 },
      { key: 'writeRatio', title: 'writes, ratio', digits: 2 },
      { key: 'walMb', title: 'WAL, MB an hour' },
      { key: 'walRatio', title: 'WAL, ratio', digits: 2 },
      { key: 'sizeMb', title: 'size, MB' },
      { key: 'sizeRatio', title: 'size, ratio', digits: 2 },
      { key: 'trapCount', title: 'traps taken' },
      { key: 'trapNames', title: 'which' },
      { key: 'slower', title: 'statements made slower' },
      { key: 'savedWithin', title: 'time saved as claimed, within x 2' },
      { key: 'savedWithinShare', title: 'share of those', digits: 2 },
      { key: 'savedMissed', title: 'claimed / measured where it is not' },
      { key: 'leftWithin', title: 'time left as claimed, within x 2' },
      { key: 'leftWithinShare', title: 'share of those', digits: 2 },
      { key: 'leftMissed', title: 'claimed / measured where it is not' },
      { key: 'leftInRange', title: 'time left in the range claimed' },
      { key: 'leftInRangeShare', title: 'share of those', digits: 2 },
      { key: 'leftRangeWidth', title: 'high end of the range to its low end, median', digits: 1 },
      { key: 'leftOutOfRange', title: 'where it is not' },
      { key: 'tookS', title: 'run of the advisor, s' },
      { key: 'aloneWaitMs', title: 'longest wait of a writer without the advisor, ms' },
      { key: 'longestWaitMs', title: 'longest wait of a writer meanwhile, ms' },
      { key: 'controlWaitMs', title: 'of a writer in another database, ms' },
      { key: 'blockedMs', title: 'longest wait of the writer for a lock, ms' },
    ],
    rows: [...rows].map(([name, values]) => ({ name, values: { ...values, means: Object.fromEntries(values.means) } })),
    claims: [
      ...[OURS, SEEN].flatMap(candidate => [
        { candidate, column: 'readsRatio', atMost: 1.5 },
        { candidate, column: 'writeRatio', atMost: 1.5 },
        { candidate, column: 'walRatio', atMost: 1.5 },
        { candidate, column: 'sizeRatio', atMost: 1.3 },
        { candidate, column: 'trapCount', atMost: 0 },
        { candidate, column: 'slower', is: 'none' },
        { candidate, column: 'savedWithinShare', atLeast: 1 },
        { candidate, column: 'leftWithinShare', atLeast: 1 },
        { candidate, column: 'leftInRangeShare', atLeast: 0.9 },
        { candidate, column: 'tookS', atMost: 300 },
      ]),
      { candidate: OURS, column: 'longestWaitMs', atMost: 200 },
      { candidate: OURS, column: 'blockedMs', atMost: 200 },
    ],
  })
}

function ofAdvice({ tookMs, longestWaitMs, aloneWaitMs, controlWaitMs, blockedMs }, { saved, left, range }) {
  return {
    tookS: tookMs / 1000,
    ...(longestWaitMs === undefined ? {} : { longestWaitMs, aloneWaitMs, controlWaitMs, blockedMs }),
    savedWithin: saved.text,
    savedWithinShare: saved.share,
    savedMissed: saved.missed,
    leftWithin: left.text,
    leftWithinShare: left.share,
    leftMissed: left.missed,
    leftInRange: range.text,
    leftInRangeShare: range.share,
    leftRangeWidth: range.width,
    leftOutOfRange: range.missed,
  }
}
