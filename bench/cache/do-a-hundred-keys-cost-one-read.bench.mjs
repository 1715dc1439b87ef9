// The claim: reading a hundred keys from Redis together costs at most twice a raw MGET of a hundred with decoding. Memory is switched off. One call at a time.
import { Packr } from 'msgpackr'
import { bench } from '../harness.mjs'
import { redisUrl, withRedis } from '../redis.mjs'
import { ioredis, openContender, PEERS } from './contenders.mjs'

const CALLS = 400
const KEYS = Array.from({ length: 100 }, (_, i) => `fund:${i}`)
const packr = new Packr()
const fundOf = (key, i) => ({ id: i, key, name: `Fund ${i}`, nav: i * 1.5 })

function candidate(open) {
  let opened
  return {
    check: async () => {
      opened = await open()
      const values = await opened.read()
      for (const [i, key] of KEYS.entries()) if (values[i]?.key !== key || values[i].id !== i) throw new Error(`wrong value for ${key}`)
    },
    run: async () => {
      for (let i = 0; i < CALLS / 5; i++) await opened.read()
      const startedAt = process.hrtime.bigint()
      for (let i = 0; i < CALLS; i++) await opened.read()
      const result = Number(process.hrtime.bigint() - startedAt) / 1000 / CALLS
      await opened.close()
      return result
    },
  }
}

async function mget() {
  const client = new (ioredis())(redisUrl(), { keyPrefix: 'plain:' })
  await client.mset(new Map(KEYS.map((key, i) => [key, packr.pack(fundOf(key, i))])))
  return { read: async () => (await client.mgetBuffer(KEYS)).map(bytes => packr.unpack(bytes)), close: () => client.quit() }
}

async function cached(name) {
  const cache = await openContender(name, { url: redisUrl(), l1: false, namespace: name, holdfast: { redisBudget: '2s' } })
  for (const [i, key] of KEYS.entries()) await cache.set(key, fundOf(key, i))
  const oneByOne = () => Promise.all(KEYS.map(key => cache.get(key)))
  return { read: cache.getMany === undefined ? oneByOne : () => cache.getMany(KEYS), close: () => cache.close() }
}

await withRedis(() =>
  bench({
    url: import.meta.url,
    unit: 'us for 100 keys',
    baseline: 'limit: ioredis MGET with decoding',
    rounds: 5,
    candidates: {
      'limit: ioredis MGET with decoding': candidate(mget),
      'holdfast getMany': candidate(() => cached('holdfast')),
      ...Object.fromEntries(
        PEERS.map(name => [name === 'bentocache' ? 'bentocache, 100 gets at once' : `${name} getMany`, candidate(() => cached(name))]),
      ),
    },
    claims: [{ candidate: 'holdfast getMany', atMost: 2, why: 'one read of Redis, and little around it' }],
  }),
)
