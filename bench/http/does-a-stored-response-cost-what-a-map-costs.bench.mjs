// The claims: behind each framework a hit of the response cache costs at most 1.15 of a bare Map's, at 2 kB and 50 kB, with validation, Age and Cache-Status done; a 304 costs
// less than a 200, and of nginx's and a Map's no more than 15/8 and 15/13; an encoded answer is not compressed again.
//
// CPU (user and system) of the serving process and its children a request, from the scheduler's own count, over 64 keep-alive connections. In a group, fresh
// processes of one framework stand at the same time: a Map, the same Map again (the control, which shows what the method makes of no difference), the response cache and, in the
// first groups, its peers. They are asked in short turns of the same number of requests, in a new order each round, so that what else the machine does falls on all
// alike. A turn begins and ends with a collection of the young generation, which by itself comes about every second turn, so that each pays for its own garbage.
// A group gives one ratio for each load, the median of those of its rounds. There are several groups of each framework, because where a process lies in memory and
// what was compiled when moves its figures too, and the intervals are of the groups.
// The servers of a group and its client share a core, in turns that the scheduler does not cut short (SCHED_BATCH): all connections are asked, then all are answered.
// Otherwise it is chance how many requests a server finds waiting, and waking it costs more than a hit. Each core has a group of its own.
// HOLDFAST_BENCH_ROUNDS: groups of each framework, default 8.
import { execFileSync, fork } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { median, medianInterval, seeded } from '../harness.mjs'
import { reportTable } from '../table.mjs'
import { BODIES } from './hit-servers.mjs'
import { startNginx, startVarnish } from './proxies.mjs'

const GROUPS = Number(process.env.HOLDFAST_BENCH_ROUNDS ?? 8)
/** After so long no further group begins, so that a busy machine gives fewer and not none. */
const LIMIT_MS = 220_000
const ROUNDS = 24
/** Every so many rounds the peers are asked too. */
const PEER_ROUND = 3
const REQUESTS = 256
const WARM_UP_REQUESTS = 2000
const CONNECTIONS = 64
const CORES = cpus().length

/** What is asked of a server. */
const LOADS = {
  '2 kB': { path: '/2kb' },
  '50 kB': { path: '/50kb' },
  304: { path: '/2kb', headers: 'If-None-Match: "1"\r\n', status: 304 },
  '50 kB encoded': { path: '/50kb', headers: 'Accept-Encoding: gzip, deflate, br\r\n' },
}
/** How much of a Map's an answer of ours may cost; and of nginx's a 304, 15 us where it takes 8. */
const LIMIT_TO_MAP = 1.15
const LIMIT_TO_NGINX = 1.87
const PLAIN = ['2 kB', '50 kB']
const ALL = [...PLAIN, '304']
const ENCODED = ['50 kB encoded']
const MAP = 'Map'
const CONTROL = 'Map again (control)'
const OURS = 'holdfast'
const ENCODED_OURS = 'holdfast, encodings stored'
const COMPRESSING = 'Map behind compression()'
/** Groups of each framework that have the peers in them. */
const PEER_GROUPS = 3

const candidate = (name, loads = ALL) => ({ name, loads })
const peer = (name, loads, more) => ({ name, loads, isPeer: true, ...more })
const MEASURED = [candidate(MAP), candidate(CONTROL), candidate(OURS)]
/** Who stands in a group. */
const FRAMEWORKS = {
  node: [...MEASURED, peer(ENCODED_OURS, ENCODED), peer('nginx', ALL, { start: startNginx }), peer('varnish', ALL, { start: startVarnish })],
  express: [
    ...MEASURED,
    peer(ENCODED_OURS, ENCODED),
    peer(COMPRESSING, ENCODED, { share: 0.2 }),
    peer('apicache', PLAIN),
    peer('route-cache', PLAIN),
  ],
  fastify: [...MEASURED, peer('@fastify/caching', PLAIN)],
  hono: [...MEASURED, peer('ocache', PLAIN)],
}

const leftOut = new Map()
const random = seeded(1)
await run()

async function run() {
  const startMs = performance.now()
  const groups = Object.fromEntries(Object.keys(FRAMEWORKS).map(framework => [framework, []]))
  const left = Array.from({ length: GROUPS }, (_, n) => Object.keys(FRAMEWORKS).map(framework => ({ framework, n }))).flat()
  const work = async core => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const { framework, n } = next
      if (n > 1 && performance.now() - startMs > LIMIT_MS) continue
      const standing = FRAMEWORKS[framework].filter(({ isPeer = false, name }) => !isPeer || (n < PEER_GROUPS && !leftOut.has(name)))
      groups[framework].push(await runGroup(framework, standing, core))
    }
  }
  await Promise.all(Array.from({ length: CORES }, (_, core) => work(core)))
  report(groups)
}

/** The us of each turn of each candidate, by load. */
async function runGroup(framework, standing, core) {
  const group = { children: [], cleanups: [] }
  try {
    const servers = await startAll(group, framework, standing)
    const client = fork(fileURLToPath(new URL('get-loop.mjs', import.meta.url)))
    group.children.push(client)
    for (const { pid } of [client, ...servers]) moveTo(pid, core)
    for (const server of servers) await check(framework, server)
    return await takeTurns(client, servers)
  } finally {
    for (const child of group.children) child.kill()
    for (const clean of group.cleanups) clean()
  }
}

async function startAll(group, framework, standing) {
  const origin = standing.some(({ start }) => start !== undefined) ? await startNode(group, 'node: origin') : undefined
  const started = standing.map(async each => {
    const server = each.start === undefined ? await startNode(group, `${framework}: ${each.name}`) : await startProxy(group, each, origin.port)
    return server && { ...each, ...server }
  })
  return (await Promise.all(started)).filter(server => server !== undefined)
}

async function startNode(group, name) {
  const program = fileURLToPath(new URL('hit-servers.mjs', import.meta.url))
  const child = fork(program, [name], { execArgv: ['--expose-gc'], env: { ...process.env, NODE_ENV: 'production' } })
  group.children.push(child)
  const { port } = await new Promise((resolve, reject) => {
    child.once('message', resolve)
    child.once('exit', code => reject(new Error(`${name} ended with ${code}`)))
  })
  const collect = () => {
    child.send('collect')
    return new Promise(resolve => child.once('message', resolve))
  }
  return { port, pid: child.pid, collect }
}

/** `undefined` when it cannot be had here. */
async function startProxy(group, { name, start }, originPort) {
  try {
    const port = await freePort()
    const { child, said, clean } = start(port, originPort)
    group.children.push(child)
    group.cleanups.push(clean)
    for (let tries = 0; ; tries++) {
      // It says in no way when it listens.
      const isThere = await fetch(`http://127.0.0.1:${port}/2kb`).then(
        response => response.ok,
        () => false,
      )
      if (isThere) return { port, pid: child.pid, collect: () => undefined }
      if (tries > 100 || child.exitCode !== null) throw new Error(`does not answer: ${said().trim().split('\n').at(-1)}`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  } catch (error) {
    leftOut.set(name, error.message)
    return undefined
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

/** Gives a process and its children one core, and turns that others do not cut short there. */
function moveTo(pid, core) {
  try {
    for (const each of [pid, ...childrenOf(pid)]) {
      execFileSync('chrt', ['--batch', '--all-tasks', '--pid', '0', String(each)], { stdio: 'ignore' })
      execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(each)], { stdio: 'ignore' })
    }
  } catch {
    leftOut.set('a core for each group', 'chrt or taskset of util-linux are not there')
  }
}

/** Asks until a hit stands, and looks at what came. @throws when it is not the body */
async function check(framework, { name, loads, port }) {
  for (const key of loads) {
    const { path, headers = '', status = 200 } = LOADS[key]
    const pairs = headers.split('\r\n').filter(Boolean)
    const given = Object.fromEntries(pairs.map(line => line.split(': ')))
    // The first call may find nothing stored, and then answers in full.
    for (let i = 0; i < 4; i++) {
      const { code, coding, bytes } = await ask(port, path, given)
      const isRight = status === 304 && i > 0 ? code === 304 : status === 304 || (code === 200 && decoded(coding, bytes) === BODIES[path])
      if (!isRight) throw new Error(`${framework}: ${name} answers ${path} with ${code}, ${bytes.length} bytes`)
      if (loads === ENCODED && i > 1 && coding === undefined) throw new Error(`${framework}: ${name} does not encode ${path}`)
    }
  }
}

function decoded(coding, bytes) {
  if (coding === 'br') return brotliDecompressSync(bytes).toString()
  return (coding === 'gzip' ? gunzipSync(bytes) : bytes).toString()
}

function ask(port, path, headers) {
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

async function takeTurns(client, servers) {
  const keys = Object.keys(LOADS)
  // What a process learns in its first thousands of requests is not the question.
  for (const key of keys) for (const server of servers) if (server.loads.includes(key)) await take(client, server, key, WARM_UP_REQUESTS)
  const turns = Object.fromEntries(keys.map(key => [key, Object.fromEntries(servers.map(({ name }) => [name, []]))]))
  for (let round = 0; round < ROUNDS; round++) {
    const asked = servers.filter(({ isPeer = false }) => !isPeer || round % PEER_ROUND === 0)
    for (const key of shuffled(keys))
      for (const server of shuffled(asked)) if (server.loads.includes(key)) turns[key][server.name][round] = await take(client, server, key, REQUESTS)
  }
  return turns
}

/** CPU us a request. */
async function take(client, { port, pid, collect, share = 1 }, key, asked) {
  const requests = Math.ceil(asked * share)
  await collect()
  const before = cpuNs(pid)
  client.send({ port, requests, connections: CONNECTIONS, ...LOADS[key] })
  const { error } = await new Promise(resolve => client.once('message', resolve))
  if (error !== undefined) throw new Error(error)
  await collect()
  return Number(((cpuNs(pid) - before) / 1000 / requests).toFixed(2))
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

function shuffled(values) {
  return values
    .map(value => ({ value, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ value }) => value)
}

function report(groups) {
  const rows = []
  const claims = []
  const add = (name, values, atMost) => {
    rows.push({ name, values })
    if (atMost !== undefined) claims.push({ candidate: name, column: 'high', atMost })
  }
  for (const [framework, all] of Object.entries(FRAMEWORKS)) {
    const measured = groups[framework]
    for (const key of Object.keys(LOADS))
      for (const { name } of all.filter(each => each.loads.includes(key) && !leftOut.has(each.name)))
        add(`${framework}, ${key}: ${name}`, valuesOf(measured, key, name), name === OURS ? LIMIT_TO_MAP : undefined)
    add(`${framework}, 304 to a 200: ${MAP}`, ratioOf(measured, ['304', MAP], ['2 kB', MAP]))
    add(`${framework}, 304 to a 200: ${OURS}`, ratioOf(measured, ['304', OURS], ['2 kB', OURS]), 1)
  }
  if (!leftOut.has('nginx')) add(`node, 304 to nginx's: ${OURS}`, ratioOf(groups.node, ['304', OURS], ['304', 'nginx']), LIMIT_TO_NGINX)
  const compressed = valuesOf(groups.express, ENCODED[0], COMPRESSING).us
  claims.push({ candidate: `express, ${ENCODED[0]}: ${ENCODED_OURS}`, column: 'us', atMost: Math.round(compressed / 4) })
  reportTable(import.meta.url, {
    about: `CPU us a request of the serving processes, 64 connections; fresh processes of all, ${groups.hono.length} times, asked in turns`,
    columns: [
      { key: 'us', title: 'us of CPU', digits: 1 },
      { key: 'ratio', title: 'to the Map', digits: 2 },
      { key: 'low', title: 'its 95 % interval, from', digits: 2 },
      { key: 'high', title: 'to', digits: 2 },
    ],
    rows,
    claims,
    leftOut: [...leftOut].map(([name, why]) => ({ name, why })),
    figures: groups,
  })
}

function valuesOf(groups, key, name) {
  const us = median(groups.flatMap(turns => turns[key][name]?.filter(Number.isFinite) ?? []))
  return name === MAP || key === ENCODED[0] ? { us } : { us, ...ratioOf(groups, [key, name], [key, MAP]) }
}

/** The median over the groups of the median ratio of turns in one round, and its interval. */
function ratioOf(groups, [key, name], [byKey, byName]) {
  const ratios = groups
    .map(turns => [turns[key][name], turns[byKey][byName]])
    .filter(([own, by]) => own !== undefined && by !== undefined)
    .map(([own, by]) => median(own.map((us, round) => us / by[round]).filter(Number.isFinite)))
  const { median: ratio, low, high } = medianInterval(ratios)
  return { ratio, low, high }
}
