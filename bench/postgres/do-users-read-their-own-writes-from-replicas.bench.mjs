// The claim: users who read what they wrote a moment ago get it from a replica, never the past, and wait hardly longer for it than for the primary. Beside it the two usual
// rules: any replica at any time, and the primary for 2 s after a write (ActiveRecord's automatic switching), and the primary alone.
// Real streaming replication without injected lag. A visit is a transaction that writes the user's own row and four reads of it, one after the other. Paced: visits come when they come
// (open loop), at a rate that two cores carry for both servers and this process. Closed loop: visit after visit, so both cores are full and the replica replays when it gets
// a core. Late: with `synchronous_commit = off` the log of the primary leaves for the replica up to 200 ms (`wal_writer_delay`) after COMMIT, so a replica is late as a rule.
// Candidates take turns of half a second on the same servers, so that a slow moment of the machine falls on all.
import { startReplication } from '@holdfast/dev-services'
import { createRequestScope, runInRequestScope } from 'holdfast/core'
import { createPool, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { median } from '../harness.mjs'
import { reportTable } from '../table.mjs'

const USERS = 16
const READS = 4
const VISITS_PER_SEC = 60
const TURNS = 6
const TURN_MS = 500
/** For what the turn before has left to replay. */
const REST_MS = 250
const STICKY_MS = 2000
const READ = 'select version, pg_is_in_recovery() as on_replica from account where id = $1'
const UPDATE = 'update account set version = version + 1 where id = $1 returning version'

const CANDIDATES = { 'primary alone': primaryAlone, 'any replica': anyReplica, 'primary for 2 s after a write': sticky, holdfast }
const PACES = { paced, 'closed loop': closedLoop }
const LAGS = { prompt: { synchronous_commit: 'on' }, late: { synchronous_commit: 'off' } }

const rows = []
for (const [lag, settings] of Object.entries(LAGS)) rows.push(...(await onServers(settings, servers => allOn(servers, lag))))
reportTable(import.meta.url, {
  about: `${USERS} users, visits of a write and ${READS} reads, ${VISITS_PER_SEC} visits a second or a closed loop; turns of ${TURN_MS} ms`,
  rounds: TURNS,
  columns: [
    { key: 'stale', title: 'reads of the past' },
    { key: 'onReplica', title: 'on the replica, %', digits: 1 },
    { key: 'readMs', title: 'median read, ms', digits: 2 },
    { key: 'ratio', title: 'to primary alone', digits: 2 },
    { key: 'slowMs', title: 'p99, ms', digits: 1 },
    { key: 'perSec', title: 'reads a second', digits: 0 },
  ],
  rows,
  figures: Object.fromEntries(rows.map(({ name, values }) => [name, [values]])),
  claims: [
    ...rows.filter(({ name }) => name.startsWith('holdfast')).map(({ name }) => ({ candidate: name, column: 'stale', is: 0 })),
    { candidate: 'holdfast, paced', column: 'onReplica', atLeast: 50 },
    { candidate: 'holdfast, paced', column: 'ratio', atMost: 2 },
    { candidate: 'holdfast, paced, late', column: 'ratio', atMost: 2, why: 'a replica that is late as a rule is not waited for' },
    { candidate: 'holdfast, closed loop, late', column: 'ratio', atMost: 2, why: 'a replica that is late as a rule is not waited for' },
  ],
})

async function onServers(settings, work) {
  const servers = await startReplication({ settings })
  const primary = createPool(pg, { connectionString: servers.primary.url, max: 8 })
  const replica = createPool(pg, { connectionString: servers.replicas[0].url, max: 8 })
  // The others run on the bare pools, without what observing costs.
  const [ownPrimary, ownReplica] = [primary, replica].map(({ options }) => createPool(pg, options))
  const hf = observePool(ownPrimary, { registry: createRegistry(), replicas: [ownReplica] })
  try {
    await primary.query('drop table if exists account')
    await primary.query('create table account (id int primary key, version int not null)')
    await primary.query('insert into account select n, 0 from generate_series(1, $1) as n', [USERS])
    await hf.start()
    while (!hf.readState().replicas.every(({ status, lagBytes }) => status === 'used' && lagBytes === 0)) await pause(20)
    return await work({ primary, replica, hf })
  } finally {
    await hf.stop()
    await Promise.all([primary, replica, ownPrimary, ownReplica].map(pool => pool.end()))
    await servers.stop()
  }
}

async function allOn(servers, lag) {
  const found = []
  for (const [paceName, pace] of Object.entries(PACES)) {
    const seen = Object.entries(CANDIDATES).map(([name, candidate]) => ({ name, way: candidate(servers), ...nothingSeen() }))
    // Connections are made, and the measured code is compiled.
    for (const one of seen) {
      await closedLoop(id => visit(one, id))
      Object.assign(one, nothingSeen())
    }
    for (let turn = 0; turn < TURNS; turn++) {
      for (const one of turn % 2 === 0 ? seen : seen.toReversed()) {
        const startMs = performance.now()
        await pace(id => visit(one, id))
        one.ms += performance.now() - startMs
        await pause(REST_MS)
      }
    }
    const alone = median(seen[0].reads)
    for (const { name, reads, stale, onReplica, ms } of seen) {
      const readMs = median(reads)
      const slowMs = reads.toSorted((a, b) => a - b)[Math.floor(reads.length * 0.99)]
      const values = { stale, onReplica: (100 * onReplica) / reads.length, readMs, ratio: readMs / alone, slowMs, perSec: reads.length / (ms / 1000) }
      found.push({ name: [name, paceName, ...(lag === 'late' ? [lag] : [])].join(', '), values })
    }
  }
  return found
}

function nothingSeen() {
  return { reads: [], stale: 0, onReplica: 0, ms: 0 }
}

async function visit(one, id) {
  const written = (await one.way.write(id)).rows[0].version
  for (let n = 0; n < READS; n++) {
    const startMs = performance.now()
    const [row] = (await one.way.read(id)).rows
    one.reads.push(performance.now() - startMs)
    if (row.version < written) one.stale++
    if (row.on_replica) one.onReplica++
  }
}

/** Visits come when they are due, whether the one before has ended or not. */
async function paced(visitOf) {
  const visits = []
  const startMs = performance.now()
  const count = (VISITS_PER_SEC * TURN_MS) / 1000
  for (let n = 0; n < count; n++) {
    const waitMs = startMs + (n * 1000) / VISITS_PER_SEC - performance.now()
    if (waitMs > 0) await pause(waitMs)
    visits.push(visitOf(1 + (n % USERS)))
  }
  await Promise.all(visits)
}

async function closedLoop(visitOf) {
  const endMs = performance.now() + TURN_MS
  const user = async id => {
    while (performance.now() < endMs) await visitOf(id)
  }
  await Promise.all(Array.from({ length: USERS }, (_, n) => user(n + 1)))
}

function primaryAlone({ primary }) {
  return { read: id => primary.query(READ, [id]), write: id => writeOn(primary, id) }
}

function anyReplica({ primary, replica }) {
  return { read: id => replica.query(READ, [id]), write: id => writeOn(primary, id) }
}

function sticky({ primary, replica }) {
  const wroteMs = new Map()
  return {
    read: id => (performance.now() - (wroteMs.get(id) ?? Number.NEGATIVE_INFINITY) < STICKY_MS ? primary : replica).query(READ, [id]),
    async write(id) {
      const answer = await writeOn(primary, id)
      wroteMs.set(id, performance.now())
      return answer
    },
  }
}

async function writeOn(pool, id) {
  const client = await pool.connect()
  try {
    await client.query('begin')
    const answer = await client.query(UPDATE, [id])
    await client.query('commit')
    return answer
  } finally {
    client.release()
  }
}

function holdfast({ hf }) {
  const cookies = new Map()
  const request = (id, work) =>
    runInRequestScope(createRequestScope(), async () => {
      hf.readAfter(cookies.get(id))
      const answer = await work()
      cookies.set(id, hf.readToken())
      return answer
    })
  return {
    read: id => request(id, () => hf.read(READ, [id])),
    write: id => request(id, () => hf.transaction(tx => tx.query(UPDATE, [id]))),
  }
}

function pause(ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}
