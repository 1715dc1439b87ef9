// The claims: behind each framework a hit of the response cache costs at most 1.15 of a bare Map's, at 2 kB and 50 kB, with validation, Age and Cache-Status done; a 304 costs
// less than a 200; an encoded answer is not compressed again. CPU (user and system) of the serving process and its children a request, from the scheduler's own count,
// 64 keep-alive connections. All servers stand at the same time, a process each, and take turns. HOLDFAST_BENCH_ROUNDS: default 7.
import { fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { median } from '../harness.mjs'
import { reportTable } from '../table.mjs'
import { BODIES } from './hit-servers.mjs'
import { startNginx, startVarnish } from './proxies.mjs'

const ROUNDS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 7)
const REQUESTS = 3000
/** No further round begins after this. */
const LIMIT_MS = 170_000
const CONNECTIONS = 64
const ENCODED = 'Accept-Encoding: gzip, deflate, br\r\n'
const CONDITIONAL = 'If-None-Match: "1"\r\n'

/** What is asked of a server. */
const LOADS = {
  small: { path: '/2kb' },
  large: { path: '/50kb' },
  known: { path: '/2kb', headers: CONDITIONAL, status: 304 },
  encoded: { path: '/50kb', headers: ENCODED },
}
const ALL = ['small', 'large', 'known']
const PLAIN = ['small', 'large']

/** Rows of the table: what is measured of each, and by which other row it is divided. */
const ROWS = {
  'node: Map': { loads: ALL },
  'node: holdfast': { loads: ALL, by: 'node: Map' },
  'node: holdfast, encoded': { loads: ['encoded'] },
  'express: Map': { loads: ALL },
  'express: holdfast': { loads: ALL, by: 'express: Map' },
  'express: holdfast, encoded': { loads: ['encoded'] },
  'express: Map behind compression()': { loads: ['encoded'], requests: 300 },
  'express: apicache': { loads: PLAIN, by: 'express: Map' },
  'express: route-cache': { loads: PLAIN, by: 'express: Map' },
  'fastify: Map': { loads: ALL },
  'fastify: holdfast': { loads: ALL, by: 'fastify: Map' },
  'fastify: @fastify/caching': { loads: PLAIN, by: 'fastify: Map' },
  'hono: Map': { loads: ALL },
  'hono: holdfast': { loads: ALL, by: 'hono: Map' },
  'hono: ocache': { loads: PLAIN, by: 'hono: Map' },
  nginx: { loads: ALL },
  varnish: { loads: ALL },
}
const PROXIES = { nginx: startNginx, varnish: startVarnish }

const children = []
const leftOut = []
const cleanups = []
try {
  const servers = await startAll()
  const client = fork(fileURLToPath(new URL('get-loop.mjs', import.meta.url)))
  children.push(client)
  for (const [name, server] of Object.entries(servers)) await check(name, server)
  const figures = await measureAll(servers, client)
  report(figures)
} finally {
  for (const child of children) child.kill()
  for (const clean of cleanups) clean()
}

async function startAll() {
  const origin = await startNode('node: origin')
  const servers = {}
  for (const name of Object.keys(ROWS)) {
    if (PROXIES[name] === undefined) {
      servers[name] = await startNode(name)
      continue
    }
    try {
      servers[name] = await startProxy(PROXIES[name], origin.port)
    } catch (error) {
      leftOut.push({ name, why: error.message })
    }
  }
  return servers
}

async function startNode(name) {
  const child = fork(fileURLToPath(new URL('hit-servers.mjs', import.meta.url)), [name], { env: { ...process.env, NODE_ENV: 'production' } })
  children.push(child)
  const { port } = await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', code => reject(new Error(`${name} ended with ${code}`)))
  })
  return { port, pid: child.pid }
}

async function startProxy(start, originPort) {
  const port = await freePort()
  const { child, said, clean } = start(port, originPort)
  children.push(child)
  cleanups.push(clean)
  for (let tries = 0; ; tries++) {
    // It says in no way when it listens.
    if (
      await fetch(`http://127.0.0.1:${port}/2kb`).then(
        response => response.ok,
        () => false,
      )
    )
      return { port, pid: child.pid }
    if (tries > 100 || child.exitCode !== null) throw new Error(`does not answer: ${said().trim().split('\n').at(-1)}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

function freePort() {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address()
      server.close(() => resolve(port))
    })
  })
}

/** Asks until a hit stands, and looks at what came. @throws when it is not the body */
async function check(name, { port }) {
  for (const key of ROWS[name].loads) {
    const { path, headers = '', status = 200 } = LOADS[key]
    const pairs = headers.split('\r\n').filter(Boolean)
    const given = Object.fromEntries(pairs.map(line => line.split(': ')))
    // The first call may find nothing stored, and then answers in full.
    for (let i = 0; i < 4; i++) {
      const { code, coding, bytes } = await ask(port, path, given)
      const isRight = status === 304 && i > 0 ? code === 304 : status === 304 || (code === 200 && decoded(coding, bytes) === BODIES[path])
      if (!isRight) throw new Error(`${name} answers ${path} with ${code}, ${bytes.length} bytes`)
      if (key === 'encoded' && i > 1 && coding === undefined) throw new Error(`${name} does not encode ${path}`)
    }
  }
}

function decoded(coding, bytes) {
  if (coding === 'br') return brotliDecompressSync(bytes).toString()
  return (coding === 'gzip' ? gunzipSync(bytes) : bytes).toString()
}

async function ask(port, path, headers) {
  const { request } = await import('node:http')
  return new Promise((resolve, reject) => {
    request({ port, path, headers: { host: 'bench.test', ...headers }, agent: false }, response => {
      const chunks = []
      response.on('data', chunk => chunks.push(chunk))
      response.on('end', () => resolve({ code: response.statusCode, coding: response.headers['content-encoding'], bytes: Buffer.concat(chunks) }))
    })
      .on('error', reject)
      .end()
  })
}

async function measureAll(servers, client) {
  const turns = Object.keys(servers).flatMap(name => ROWS[name].loads.map(key => ({ name, key, requests: ROWS[name].requests ?? REQUESTS })))
  // What a process learns in its first thousands of requests is not the question.
  for (const turn of turns) await load(client, servers[turn.name], turn)
  const figures = Object.fromEntries(turns.map(({ name, key }) => [`${name} ${key}`, []]))
  const startedAt = performance.now()
  for (let round = 0; round < ROUNDS && (round < 3 || performance.now() - startedAt < LIMIT_MS); round++) {
    // Every other round backwards, so that a drift of the machine falls on all alike.
    for (const turn of round % 2 === 0 ? turns : turns.toReversed())
      figures[`${turn.name} ${turn.key}`].push(await load(client, servers[turn.name], turn))
  }
  return figures
}

/** CPU us a request. */
async function load(client, { port, pid }, { key, requests }) {
  const before = cpuNs(pid)
  client.send({ port, requests, connections: CONNECTIONS, ...LOADS[key] })
  const { error } = await new Promise(resolve => client.once('message', resolve))
  if (error !== undefined) throw new Error(error)
  return (cpuNs(pid) - before) / 1000 / requests
}

/** What the scheduler has counted for all threads of a process and of its children. */
function cpuNs(pid) {
  let sum = 0
  for (const each of [pid, ...childrenOf(pid)])
    for (const task of readdirSync(`/proc/${each}/task`)) sum += Number(readFileSync(`/proc/${each}/task/${task}/schedstat`, 'utf8').split(' ')[0])
  return sum
}

function childrenOf(pid) {
  return readdirSync(`/proc/${pid}/task`).flatMap(task =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
  )
}

function report(figures) {
  const rows = Object.entries(ROWS)
    .filter(([name]) => leftOut.every(out => out.name !== name))
    .map(([name, { by }]) => {
      const of = (who, key) => figures[`${who} ${key}`] && median(figures[`${who} ${key}`])
      const values = Object.fromEntries(Object.keys(LOADS).map(key => [key, of(name, key) ?? null]))
      for (const key of ALL) values[`${key}Ratio`] = by !== undefined && values[key] !== null ? values[key] / of(by, key) : null
      values.knownToSmall = values.known === null ? null : values.known / values.small
      return { name, values }
    })
  const ours = ['node: holdfast', 'express: holdfast', 'fastify: holdfast', 'hono: holdfast']
  const compressing = rows.find(({ name }) => name === 'express: Map behind compression()').values.encoded
  reportTable(import.meta.url, {
    about: 'CPU us a request of the serving processes, 64 connections; ratios to a Map behind the same framework',
    columns: [
      { key: 'small', title: '2 kB', digits: 1 },
      { key: 'smallRatio', title: 'to the Map', digits: 2 },
      { key: 'large', title: '50 kB', digits: 1 },
      { key: 'largeRatio', title: 'to the Map', digits: 2 },
      { key: 'known', title: '304', digits: 1 },
      { key: 'knownRatio', title: 'to the Map', digits: 2 },
      { key: 'knownToSmall', title: '304 to 200', digits: 2 },
      { key: 'encoded', title: '50 kB encoded', digits: 1 },
    ],
    rows,
    rounds: Math.min(...Object.values(figures).map(values => values.length)),
    leftOut,
    figures,
    claims: [
      ...ours.flatMap(candidate => [
        { candidate, column: 'smallRatio', atMost: 1.15, why: 'a hit costs what a Map costs' },
        { candidate, column: 'largeRatio', atMost: 1.15, why: 'a hit costs what a Map costs' },
        { candidate, column: 'knownToSmall', atMost: 1, why: 'a 304 is cheaper than a 200' },
      ]),
      { candidate: 'express: holdfast, encoded', column: 'encoded', atMost: compressing / 4, why: 'what is stored encoded is not compressed again' },
    ],
  })
}
