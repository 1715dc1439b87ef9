// The claim, after HikariCP's "Spike demand" analysis: 5 warm connections, 50 requests of 2 ms at once, 150 ms to open a connection. The pool of ours serves
// the spike with the connections there are, in under 60 ms; `pg.Pool` binds 45 of the requests to new connections.
// Real PostgreSQL (DATABASE_URL, else one that is started here) behind a proxy that holds each new connection back for 150 ms. Pools take turns in one process.
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { startServices } from '@holdfast/dev-services'
import { createPool } from 'holdfast/postgres'
import pg from 'pg'
import { machine, median } from '../harness.mjs'

const ROUNDS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 15)
const WARM = 5
const REQUESTS = 50
const CONNECT_MS = 150
const LIMIT_MS = 60
/** What `pg.Pool` takes on a machine with nothing else to do; above it the milliseconds say more of the machine than of the pools. */
const QUIET_PEER_MS = 310
const CANDIDATES = {
  'pg.Pool': url => new pg.Pool({ connectionString: url, max: 50 }),
  'a pool of ours': url => createPool(pg, { connectionString: url, max: 50 }),
}

const postgresSettings = { max_connections: '300' }
const services = await startServices({ only: ['postgres'], durable: false, postgresSettings, onProgress: line => console.error(line) })
const proxy = await slowProxy(services.postgres.url)
const times = Object.fromEntries(Object.keys(CANDIDATES).map(name => [name, []]))
const connects = Object.fromEntries(Object.keys(CANDIDATES).map(name => [name, []]))
try {
  for (let round = 0; round < ROUNDS; round++) {
    const names = Object.keys(CANDIDATES)
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const before = proxy.acceptedCount()
      times[name].push(await spike(CANDIDATES[name](proxy.url)))
      await proxy.drained()
      connects[name].push(proxy.acceptedCount() - before - WARM)
    }
  }
} finally {
  await proxy.close()
  await services.stop()
}
report()

async function spike(pool) {
  pool.on('error', () => undefined)
  const warm = await Promise.all(Array.from({ length: WARM }, () => pool.connect()))
  for (const client of warm) client.release()
  if (pool.idleCount !== WARM) throw new Error(`${pool.idleCount} connections are warm`)
  const startMs = performance.now()
  const answers = await Promise.all(Array.from({ length: REQUESTS }, (_, n) => pool.query('select $1::int as n, pg_sleep(0.002)', [n])))
  const tookMs = performance.now() - startMs
  if (answers.some(({ rows }, n) => rows[0].n !== n)) throw new Error('a wrong answer')
  await pool.end()
  return tookMs
}

async function slowProxy(url) {
  const target = new URL(url)
  const sockets = new Set()
  let accepted = 0
  const server = createServer(socket => {
    accepted++
    sockets.add(socket)
    socket.pause()
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    setTimeout(() => {
      const upstream = connect(Number(target.port), target.hostname)
      upstream.on('error', () => socket.destroy())
      socket.pipe(upstream).pipe(socket)
      socket.on('close', () => upstream.destroy())
    }, CONNECT_MS)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const own = new URL(url)
  own.host = `127.0.0.1:${server.address().port}`
  return {
    url: own.href,
    acceptedCount: () => accepted,
    async drained() {
      while (sockets.size > 0) await new Promise(resolve => setTimeout(resolve, 5))
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function report() {
  const rows = Object.keys(CANDIDATES).map(name => {
    const sorted = times[name].toSorted((a, b) => a - b)
    return { name, medianMs: median(sorted), minMs: sorted[0], maxMs: sorted.at(-1), connects: median(connects[name]) }
  })
  console.log(`time until all ${REQUESTS} requests are answered, in ms (${ROUNDS} rounds, taking turns)`)
  for (const { name, medianMs, minMs, maxMs, connects: count } of rows) {
    console.log(`  ${name.padEnd(16)} median ${medianMs.toFixed(0)} (${minMs.toFixed(0)} to ${maxMs.toFixed(0)}), ${count} more connects`)
  }
  const [peer, ours] = rows
  const ratio = ours.medianMs / peer.medianMs
  const verdict = ours.medianMs < LIMIT_MS ? 'holds' : peer.medianMs <= QUIET_PEER_MS ? 'FAILS' : 'undecided, the machine is busy'
  console.log(`${verdict}: under ${LIMIT_MS} ms; ${ratio.toFixed(2)} of the time of pg.Pool`)
  mkdirSync(new URL('../results/postgres/', import.meta.url), { recursive: true })
  const out = fileURLToPath(new URL('../results/postgres/does-a-spike-wait-for-connects.json', import.meta.url))
  const result = {
    question: 'does-a-spike-wait-for-connects',
    rows,
    ratio,
    verdict,
    times,
    postgresVersion: services.postgres.version,
    machine: machine(),
  }
  writeFileSync(out, `${JSON.stringify(result)}\n`)
  if (verdict === 'FAILS') process.exitCode = 1
}
