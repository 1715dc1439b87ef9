// What a read from Redis through the cache costs with 64 in flight (decoded, its checksum and tags checked, frozen, counted) beside plain ioredis GETs.
// Memory is switched off, so that every read goes to Redis. Beside it: GET without decoding, and ioredis' own pipelining.
import { Redis } from 'ioredis'
import { Packr } from 'msgpackr'
import { startServices } from '../../packages/dev-services/dist/index.js'
import { createTieredCache } from '../../packages/holdfast/dist/cache/index.js'
import { createRegistry } from '../../packages/holdfast/dist/telemetry/index.js'
import { bench } from '../harness.mjs'

const READS = 60_000
const IN_FLIGHT = 64
const KEYS = 1000
const packr = new Packr()
/** How the cache writes values as small as these: keys repeated, faster to read than msgpackr's records. */
const sameAsOurs = new Packr({ moreTypes: true, useBigIntExtension: true, copyBuffers: true, useRecords: false })
const fundOf = i => ({
  id: i,
  name: `Fund ${i}`,
  nav: i * 1.5,
  calls: Array.from({ length: 5 }, (_, n) => ({ due: `2026-0${n + 1}-01`, amount: n * 1000 })),
})

async function timed(read, reads = READS) {
  let next = 0
  const worker = async () => {
    while (next < reads) await read(next++ % KEYS)
  }
  const run = () => Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  const warm = reads
  reads = 10_000
  await run()
  reads = warm
  next = 0
  const startedAt = process.hrtime.bigint()
  await run()
  return Number(process.hrtime.bigint() - startedAt) / 1000 / reads
}

function candidate(open) {
  return {
    check: async () => {
      const { read, close } = await open()
      for (let i = 0; i < 100; i++) if ((await read(i)).id !== i && !Buffer.isBuffer(await read(i))) throw new Error(`wrong value for ${i}`)
      await close()
    },
    run: async () => {
      const { read, close } = await open()
      const result = await timed(read)
      await close()
      return result
    },
  }
}

async function plain(options, decode, encoder = packr) {
  const client = new Redis(process.env.HOLDFAST_BENCH_REDIS_URL, options)
  const fill = client.pipeline()
  for (let i = 0; i < KEYS; i++) fill.set(`plain:${i}`, encoder.pack(fundOf(i)), 'EX', 600)
  await fill.exec()
  return { read: async i => decode(await client.getBuffer(`plain:${i}`)), close: () => client.quit() }
}

async function holdfast(tags) {
  const cache = createTieredCache(
    { namespace: 'bench', l1: false, ttl: '10m', redisBudget: '2s' },
    { redis: process.env.HOLDFAST_BENCH_REDIS_URL, registry: createRegistry() },
  )
  await cache.start()
  await Promise.all(Array.from({ length: KEYS }, (_, i) => cache.set(`${tags.length}:${i}`, fundOf(i), { tags })))
  const mustNotLoad = () => {
    throw new Error('a hit was expected')
  }
  return { read: i => cache.getOrSet(`${tags.length}:${i}`, mustNotLoad), close: () => cache.stop() }
}

const isParent = process.env.HOLDFAST_BENCH_CANDIDATE === undefined
const services = isParent ? await startServices({ only: ['redis'], durable: false, requireRedis: true }) : undefined
if (services !== undefined) process.env.HOLDFAST_BENCH_REDIS_URL = services.cacheRedis.url

await bench({
  url: import.meta.url,
  unit: 'us per read, 64 in flight',
  baseline: 'ioredis GET with decoding',
  candidates: {
    'ioredis GET, bytes only': candidate(() => plain({}, bytes => bytes)),
    'ioredis GET with decoding': candidate(() => plain({}, bytes => packr.unpack(bytes))),
    'ioredis GET, decoding as the cache': candidate(() => plain({}, bytes => sameAsOurs.unpack(bytes), sameAsOurs)),
    'ioredis GET, auto-pipelining': candidate(() => plain({ enableAutoPipelining: true }, bytes => packr.unpack(bytes))),
    'holdfast from Redis': candidate(() => holdfast([])),
    'holdfast from Redis, two tags': candidate(() => holdfast(['fund', 'nav'])),
  },
})
await services?.stop()
