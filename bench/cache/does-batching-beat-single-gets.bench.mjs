// What a read from Redis through a cache costs with 64 in flight (through Holdfast: decoded, its checksum and tags checked, frozen, counted) beside plain
// ioredis GETs with decoding. Memory is switched off, so that every read goes to Redis. The limit is a raw MGET of what came in one turn of the event loop.
import { Packr } from 'msgpackr'
import { bench } from '../harness.mjs'
import { redisUrl, withRedis } from '../redis.mjs'
import { ioredis, openContender, PEERS } from './contenders.mjs'

/** Reads of one slice. The fastest of the slices counts: on a shared machine the others hold what somebody else did. */
const READS = 10_000
const SLICES = 12
const IN_FLIGHT = 64
const KEYS = 1000
const packr = new Packr()
/** How the cache writes values as small as these: keys repeated, faster to read than msgpackr's records. */
const sameAsOurs = new Packr({ moreTypes: true, useBigIntExtension: true, copyBuffers: true, useRecords: false })
const fundOf = i => ({
  id: i,
  key: `fund:${i}`,
  name: `Fund ${i}`,
  nav: i * 1.5,
  calls: Array.from({ length: 5 }, (_, n) => ({ due: `2026-0${n + 1}-01`, amount: n * 1000 })),
})

async function timed(read) {
  const run = async reads => {
    let next = 0
    const worker = async () => {
      while (next < reads) await read(next++ % KEYS)
    }
    await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  }
  await run(2 * READS)
  let fastestUs = Number.POSITIVE_INFINITY
  for (let slice = 0; slice < SLICES; slice++) {
    const startedAt = process.hrtime.bigint()
    await run(READS)
    fastestUs = Math.min(fastestUs, Number(process.hrtime.bigint() - startedAt) / 1000 / READS)
  }
  return fastestUs
}

function candidate(open) {
  let opened
  return {
    check: async () => {
      opened = await open()
      for (let i = 0; i < 100; i++) {
        const value = await opened.read(i)
        if (!Buffer.isBuffer(value) && (value.id !== i || value.calls.length !== 5)) throw new Error(`wrong value for ${i}`)
      }
    },
    run: async () => {
      const result = await timed(opened.read)
      await opened.close()
      return result
    },
  }
}

async function plainClient(options, encoder) {
  const client = new (ioredis())(redisUrl(), options)
  const fill = client.pipeline()
  for (let i = 0; i < KEYS; i++) fill.set(`plain:${i}`, encoder.pack(fundOf(i)), 'EX', 600)
  await fill.exec()
  return client
}

async function plain(options, decode, encoder = packr) {
  const client = await plainClient(options, encoder)
  return { read: async i => decode(await client.getBuffer(`plain:${i}`)), close: () => client.quit() }
}

/** The least that a batching reader can do: one MGET for whatever was asked in the same turn. */
async function coalesced() {
  const client = await plainClient({}, packr)
  let batch = []
  const flush = async () => {
    const mine = batch
    batch = []
    const values = await client.mgetBuffer(mine.map(({ key }) => key))
    for (const [at, { resolve }] of mine.entries()) resolve(packr.unpack(values[at]))
  }
  const read = i =>
    new Promise(resolve => {
      if (batch.push({ key: `plain:${i}`, resolve }) === 1) setImmediate(flush)
    })
  return { read, close: () => client.quit() }
}

async function cached(name, tags) {
  const cache = await openContender(name, { url: redisUrl(), l1: false, namespace: `${name}${tags?.length ?? 0}`, holdfast: { redisBudget: '2s' } })
  const options = cache.options(tags === undefined ? {} : { tags })
  for (let i = 0; i < KEYS; i++) await cache.set(`fund:${i}`, fundOf(i), options)
  const mustNotLoad = () => {
    throw new Error('a hit was expected')
  }
  const keys = Array.from({ length: KEYS }, (_, i) => `fund:${i}`)
  return { read: i => cache.getOrSet(keys[i], mustNotLoad, options), close: () => cache.close() }
}

await withRedis(() =>
  bench({
    url: import.meta.url,
    unit: 'us per read, 64 in flight, fastest of 12 slices',
    baseline: 'ioredis GET with decoding',
    rounds: 5,
    candidates: {
      'limit: coalesced MGET with decoding': candidate(coalesced),
      'ioredis GET, bytes only': candidate(() => plain({}, bytes => bytes)),
      'ioredis GET with decoding': candidate(() => plain({}, bytes => packr.unpack(bytes))),
      'ioredis GET, decoding as the cache': candidate(() => plain({}, bytes => sameAsOurs.unpack(bytes), sameAsOurs)),
      'ioredis GET, auto-pipelining': candidate(() => plain({ enableAutoPipelining: true }, bytes => packr.unpack(bytes))),
      'holdfast from Redis': candidate(() => cached('holdfast')),
      'holdfast from Redis, two tags': candidate(() => cached('holdfast', ['fund', 'nav'])),
      ...Object.fromEntries(PEERS.map(name => [`${name} from Redis`, candidate(() => cached(name))])),
    },
    claims: [{ candidate: 'holdfast from Redis', atMost: 0.83, why: 'at least 1.2 times the throughput of GETs' }],
  }),
)
