// The claims: Redis frozen or killed for three seconds, with defaults: no error, at least half of the throughput, p99 of a read at most 15 ms, and Redis is
// used again at most 300 ms after its return. Traffic: workers in a closed loop, each a read and a millisecond of other work; one in fifty also writes the key
// or deletes it; memory holds a quarter of the keys; loading takes two milliseconds. Redis is used again when a value that was loaded after its return has arrived in it.
import { setTimeout as pause } from 'node:timers/promises'
import { startKillableRedis } from '../killable-redis.mjs'
import { benchTable } from '../table.mjs'
import { ioredis, openContender, PEERS } from './contenders.mjs'

const WORKERS = 32
const KEYS = 2000
const IN_MEMORY = 500
const LOAD_MS = 2
/** One in so many turns of a worker also writes, by turns a set and a delete. */
const WRITE_EVERY = 50
const WORK_MS = 1
const WARM_MS = 1000
const BEFORE_MS = 1000
const OUTAGE_MS = 3000
const RECOVERY_LIMIT_MS = 5000

/** Zipf 0.99, seeded, so that every candidate reads the same. */
function keySource() {
  const cumulated = []
  let sum = 0
  for (let i = 0; i < KEYS; i++) {
    sum += 1 / (i + 1) ** 0.99
    cumulated.push(sum)
  }
  let state = 1
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const target = (state / 2 ** 32) * sum
    const at = cumulated.findIndex(upTo => upTo >= target)
    return `key:${at}`
  }
}

function startTraffic(cache) {
  const nextKey = keySource()
  const load = key => async () => {
    await pause(LOAD_MS)
    return { key }
  }
  const write = async (key, turn) => (turn % (2 * WRITE_EVERY) === 0 ? cache.set(key, { key }) : cache.delete(key))
  const reads = []
  let writeErrors = 0
  let turns = 0
  let isRunning = true
  const worker = async () => {
    while (isRunning) {
      const read = { startedAt: performance.now(), endedAt: Number.POSITIVE_INFINITY, error: undefined }
      reads.push(read)
      const key = nextKey()
      try {
        const value = await cache.getOrSet(key, load(key))
        if (value?.key !== key) throw new Error(`wrong value for ${key}`)
      } catch (error) {
        read.error = error
      }
      read.endedAt = performance.now()
      turns++
      if (turns % WRITE_EVERY === 0) await write(key, turns).catch(() => writeErrors++)
      await pause(WORK_MS)
    }
  }
  const workers = Promise.all(Array.from({ length: WORKERS }, worker))
  return {
    reads,
    get writeErrors() {
      return writeErrors
    },
    async stop() {
      isRunning = false
      await Promise.race([workers, pause(RECOVERY_LIMIT_MS)])
    },
  }
}

/** Milliseconds until a value loaded from now on is found in Redis. */
async function untilUsed(cache, url) {
  const startedAt = performance.now()
  const monitor = new (ioredis())(url).on('error', () => undefined)
  for (let i = 0; performance.now() - startedAt < RECOVERY_LIMIT_MS; i++) {
    cache.getOrSet(`canary:${i}`, async () => ({ i })).catch(() => undefined)
    await pause(10)
    if ((await monitor.keys('*canary:*')).length === 0) continue
    monitor.disconnect()
    return performance.now() - startedAt
  }
  monitor.disconnect()
  return RECOVERY_LIMIT_MS
}

async function measure(name, outage) {
  const redis = await startKillableRedis()
  process.on('unhandledRejection', () => unhandled++)
  let unhandled = 0
  const cache = await openContender(name, { url: redis.url, l1: IN_MEMORY })
  const traffic = startTraffic(cache)
  await pause(WARM_MS)
  const beforeAt = performance.now()
  await pause(BEFORE_MS)
  const outageAt = performance.now()
  if (traffic.reads.some(({ error }) => error !== undefined))
    throw new Error(`${name} fails before the outage: ${traffic.reads.find(({ error }) => error).error}`)
  if (outage === 'frozen') redis.freeze()
  else await redis.kill()
  await pause(OUTAGE_MS)
  if (outage === 'frozen') redis.thaw()
  else await redis.start()
  const backAt = performance.now()
  const recoveryMs = await untilUsed(cache, redis.url)
  await traffic.stop()
  const rate = (from, to) => traffic.reads.filter(({ endedAt, error }) => endedAt >= from && endedAt < to && error === undefined).length / (to - from)
  const during = traffic.reads.filter(({ startedAt, endedAt }) => startedAt < backAt && endedAt >= outageAt)
  const tookMs = during.map(({ startedAt, endedAt }) => Math.min(endedAt - startedAt, OUTAGE_MS + RECOVERY_LIMIT_MS)).sort((a, b) => a - b)
  const figures = {
    sharePercent: (rate(outageAt, backAt) / rate(beforeAt, outageAt)) * 100,
    errors: traffic.reads.filter(({ error }) => error !== undefined).length + traffic.writeErrors + unhandled,
    p99Ms: tookMs[Math.ceil(tookMs.length * 0.99) - 1],
    longestMs: tookMs.at(-1),
    recoveryMs,
    perSecBefore: rate(beforeAt, outageAt) * 1000,
  }
  await redis.stop()
  return figures
}

const candidates = {}
for (const outage of ['frozen', 'killed']) for (const name of ['holdfast', ...PEERS]) candidates[`${name}, ${outage}`] = () => measure(name, outage)

await benchTable({
  url: import.meta.url,
  about: `Redis away for ${OUTAGE_MS / 1000} s, defaults, ${WORKERS} workers, ${KEYS} keys of which ${IN_MEMORY} fit into memory, a load takes ${LOAD_MS} ms`,
  columns: [
    { key: 'sharePercent', title: 'throughput, % of before' },
    { key: 'errors', title: 'errors', take: 'max' },
    { key: 'p99Ms', title: 'p99 of a read, ms', digits: 1 },
    { key: 'longestMs', title: 'longest, ms' },
    { key: 'recoveryMs', title: 'Redis used again after, ms' },
    { key: 'perSecBefore', title: 'reads/s before' },
  ],
  candidates,
  claims: ['frozen', 'killed'].flatMap(outage => [
    { candidate: `holdfast, ${outage}`, column: 'sharePercent', atLeast: 50, why: 'readers hardly notice' },
    { candidate: `holdfast, ${outage}`, column: 'errors', atMost: 0, why: 'the cache never fails a read that the loader can serve' },
    { candidate: `holdfast, ${outage}`, column: 'p99Ms', atMost: 15, why: 'nobody waits for a Redis that is away' },
    { candidate: `holdfast, ${outage}`, column: 'recoveryMs', atMost: 300, why: 'back soon' },
  ]),
})
