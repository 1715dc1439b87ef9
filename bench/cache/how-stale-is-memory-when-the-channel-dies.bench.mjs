// The claims: a reader whose invalidation channel is cut serves an old value from memory for at most 100 ms, and at most 1.5 s when the channel stays open and
// says nothing. Only the channel passes through the faulty proxy. The fault comes first, then the write by another cache.
import { setTimeout as pause } from 'node:timers/promises'
import { redisUrl, withRedis } from '../redis.mjs'
import { benchTable } from '../table.mjs'
import { startTcpProxy } from '../tcp-proxy.mjs'
import { openContender, PEERS } from './contenders.mjs'

const LIMIT_MS = 5000

/** Holdfast has one address for both connections; its channel introduces itself. The channel of a peer has an address of its own. */
const openReader = (name, proxy) =>
  name === 'holdfast' ? openContender(name, { url: proxy.url }) : openContender(name, { url: redisUrl(), syncUrl: proxy.url })

/** Milliseconds from the moment the write was acknowledged until the reader sees it. Below zero is possible, and counts as zero. */
async function staleness(reader, writer, key, fault) {
  let truth = 1
  // As a database would answer. cache-manager brings a value from Redis into memory only here, not by get.
  const read = async () => (await reader.getOrSet(key, () => ({ key, version: truth }))).version
  await writer.set(key, { key, version: 1 })
  // The news of the write itself passes first.
  await pause(100)
  for (let i = 0; i < 3; i++) {
    if ((await read()) !== 1) throw new Error('the reader does not see the first version')
    await pause(50)
  }
  fault()
  truth = 2
  await writer.set(key, { key, version: 2 })
  const writtenAt = performance.now()
  for (;;) {
    if ((await read()) === 2) return performance.now() - writtenAt
    if (performance.now() - writtenAt > LIMIT_MS) return `> ${LIMIT_MS}`
    await pause(1)
  }
}

async function measure(name) {
  const isChannel = name === 'holdfast' ? chunk => chunk.includes('holdfast-cache-invalidation') : () => true
  const proxy = await startTcpProxy(redisUrl(), isChannel)
  const writer = await openContender(name, { url: redisUrl() })
  const figures = {}
  const faults = { whole: () => undefined, cut: proxy.cut, swallow: () => proxy.swallow(true) }
  for (const [fault, strike] of Object.entries(faults)) {
    const reader = await openReader(name, proxy)
    await pause(300)
    figures[fault] = await staleness(reader, writer, `${name}:${fault}:${process.pid}`, strike)
    proxy.swallow(false)
    await Promise.race([reader.close(), pause(500)])
  }
  return figures
}

process.on('unhandledRejection', () => undefined)
await withRedis(() =>
  benchTable({
    url: import.meta.url,
    about: `ms until a reader with the old value in memory sees a write of another process; looked at for ${LIMIT_MS / 1000} s`,
    columns: [
      { key: 'whole', title: 'channel whole', digits: 1, take: 'max' },
      { key: 'cut', title: 'cut', digits: 1, take: 'max' },
      { key: 'swallow', title: 'half-open', digits: 1, take: 'max' },
    ],
    candidates: Object.fromEntries(['holdfast', ...PEERS].map(name => [name, () => measure(name)])),
    claims: [
      { candidate: 'holdfast', column: 'cut', atMost: 100, why: 'a lost channel is noticed at once' },
      { candidate: 'holdfast', column: 'swallow', atMost: 1500, why: 'a silent channel is noticed by its missing heartbeat' },
    ],
    leftOut: [{ name: 'a channel for cache-manager', why: 'has none: memory lives until its ttl, whatever the channel does' }],
  }),
)
