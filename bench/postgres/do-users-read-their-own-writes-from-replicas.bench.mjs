// The claim: users who read what they wrote a moment ago get it from a replica, never the past. Beside it the two usual rules: any replica at any time, and the primary for 2 s
// after a write (ActiveRecord's automatic switching), and the primary alone.
// Real streaming replication without injected lag; 16 users, one operation in five is a write of the user's own row, then reads of it.
import { startReplication } from '@holdfast/dev-services'
import { createRequestScope, runInRequestScope } from 'holdfast/core'
import { createPool, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { median } from '../harness.mjs'
import { benchTable } from '../table.mjs'

const USERS = 16
const RUN_MS = 4000
const WRITE_SHARE = 0.2
const STICKY_MS = 2000
const READ = 'select version, pg_is_in_recovery() as on_replica from account where id = $1'
const UPDATE = 'update account set version = version + 1 where id = $1 returning version'

await benchTable({
  url: import.meta.url,
  about: `${USERS} users in a closed loop, ${WRITE_SHARE * 100} % writes, one replica without injected lag`,
  rounds: 3,
  columns: [
    { key: 'stale', title: 'reads of the past', take: 'max' },
    { key: 'onReplica', title: 'reads on the replica, %', digits: 1 },
    { key: 'readMs', title: 'median read, ms', digits: 2 },
    { key: 'perSec', title: 'reads a second', digits: 0 },
  ],
  candidates: {
    'primary alone': () => run(({ primary }) => ({ read: id => primary.query(READ, [id]), write: id => primary.query(UPDATE, [id]) })),
    'any replica': () => run(({ primary, replica }) => ({ read: id => replica.query(READ, [id]), write: id => primary.query(UPDATE, [id]) })),
    'primary for 2 s after a write': () => run(sticky),
    holdfast: () => run(holdfast),
  },
  claims: [
    { candidate: 'holdfast', column: 'stale', is: 0 },
    { candidate: 'holdfast', column: 'onReplica', atLeast: 50 },
  ],
})

function sticky({ primary, replica }) {
  const wroteMs = new Map()
  return {
    read: id => (performance.now() - (wroteMs.get(id) ?? Number.NEGATIVE_INFINITY) < STICKY_MS ? primary : replica).query(READ, [id]),
    async write(id) {
      const answer = await primary.query(UPDATE, [id])
      wroteMs.set(id, performance.now())
      return answer
    },
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

async function run(candidate) {
  const servers = await startReplication()
  const primary = createPool(pg, { connectionString: servers.primary.url, max: 8 })
  const replica = createPool(pg, { connectionString: servers.replicas[0].url, max: 8 })
  const hf = observePool(primary, { registry: createRegistry(), replicas: [replica] })
  try {
    await primary.query('drop table if exists account')
    await primary.query('create table account (id int primary key, version int not null)')
    await primary.query('insert into account select n, 0 from generate_series(1, $1) as n', [USERS])
    await hf.start()
    while (!hf.readState().replicas.every(({ status, lagBytes }) => status === 'used' && lagBytes === 0)) await pause(20)
    return await drive(candidate({ primary, replica, hf }))
  } finally {
    await hf.stop()
    await Promise.all([primary.end(), replica.end()])
    await servers.stop()
  }
}

async function drive({ read, write }) {
  const endMs = performance.now() + RUN_MS
  const took = []
  let stale = 0
  let onReplica = 0
  const user = async id => {
    let written = 0
    for (let n = 0; performance.now() < endMs; n++) {
      if (n % (1 / WRITE_SHARE) === 0) {
        written = (await write(id)).rows[0].version
        continue
      }
      const startMs = performance.now()
      const [row] = (await read(id)).rows
      took.push(performance.now() - startMs)
      if (row.version < written) stale++
      if (row.on_replica) onReplica++
    }
  }
  await Promise.all(Array.from({ length: USERS }, (_, n) => user(n + 1)))
  return { stale, onReplica: (100 * onReplica) / took.length, readMs: median(took), perSec: took.length / (RUN_MS / 1000) }
}

function pause(ms) {
  return new Promise(resolve => setTimeout(resolve, ms))
}
