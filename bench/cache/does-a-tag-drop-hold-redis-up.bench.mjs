// The claims: dropping ten thousand entries by their tag among a million keys takes at most 3 ms, and Redis is never held up for more than 3 ms. How long Redis
// was held up is its own slow log with a limit of zero: the longest of all commands. Beside it the longest ping of another connection, which also has the
// noise of the machine in it. The other keys are put there by DEBUG POPULATE. HOLDFAST_BENCH_KEYS: how many keys, default 1,000,000.
import { setTimeout as pause } from 'node:timers/promises'
import { startKillableRedis } from '../killable-redis.mjs'
import { benchTable } from '../table.mjs'
import { ioredis, openContender } from './contenders.mjs'

const KEYS = Number(process.env.HOLDFAST_BENCH_KEYS ?? 1_000_000)
const TAGGED = 10_000
const TAGS = ['warm-up', 'first', 'second', 'third']
const AT_ONCE = 64
/** Whatever a library does after its answer counts too. */
const AFTERMATH_MS = 300

async function fill(cache, tag) {
  let next = 0
  const options = cache.options({ tags: [tag] })
  const worker = async () => {
    while (next < TAGGED) {
      const i = next++
      await cache.set(`${tag}:${i}`, { i }, options)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

async function startPings(url) {
  const client = new (ioredis())(url)
  await client.ping()
  let longestMs = 0
  let isRunning = true
  const running = (async () => {
    while (isRunning) {
      const startedAt = performance.now()
      await client.ping()
      longestMs = Math.max(longestMs, performance.now() - startedAt)
    }
  })()
  return {
    async stop() {
      isRunning = false
      await running
      client.disconnect()
      return longestMs
    },
  }
}

async function measure(name) {
  const redis = await startKillableRedis(['--enable-debug-command', 'yes', '--slowlog-max-len', '100000'])
  const admin = new (ioredis())(redis.url)
  await admin.call('debug', 'populate', KEYS - TAGGED * TAGS.length, 'filler', 40)
  const cache = await openContender(name, { url: redis.url, tags: true, holdfast: { redisBudget: '2s' } })
  const other = await openContender(name, { url: redis.url, tags: true, holdfast: { redisBudget: '2s' } })
  for (const tag of TAGS) await fill(cache, tag)
  await cache.set('untagged', { i: -1 })
  const figures = { dropMs: [], longestCommandMs: 0, longestPingMs: 0 }
  for (const tag of TAGS) {
    await other.get(`${tag}:0`)
    await admin.config('SET', 'slowlog-log-slower-than', '0')
    await admin.slowlog('RESET')
    const pings = await startPings(redis.url)
    const startedAt = performance.now()
    await cache.invalidateTag(tag)
    const dropMs = performance.now() - startedAt
    await pause(AFTERMATH_MS)
    const longestPingMs = await pings.stop()
    const log = await admin.slowlog('GET', -1)
    await admin.config('SET', 'slowlog-log-slower-than', '-1')
    const commands = log.filter(([, , , [command]]) => !/^(slowlog|config|info)$/i.test(command))
    for (let i = 0; i < TAGGED; i += 97) if ((await other.get(`${tag}:${i}`)) != null) throw new Error(`${tag}:${i} outlived its tag`)
    if ((await other.get('untagged'))?.i !== -1) throw new Error('what has no tag was dropped too')
    if (tag === 'warm-up') continue
    figures.dropMs.push(dropMs)
    figures.longestCommandMs = Math.max(figures.longestCommandMs, ...commands.map(([, , micros]) => micros / 1000))
    figures.longestPingMs = Math.max(figures.longestPingMs, longestPingMs)
  }
  const keysInRedis = await admin.dbsize()
  admin.disconnect()
  await redis.stop()
  return { ...figures, dropMs: figures.dropMs.sort((a, b) => a - b)[1], keysInRedis }
}

await benchTable({
  url: import.meta.url,
  about: `a tag with ${TAGGED} entries dropped among ${KEYS} keys; median of ${TAGS.length - 1} drops after a first`,
  columns: [
    { key: 'dropMs', title: 'drop, ms', digits: 2 },
    { key: 'longestCommandMs', title: 'Redis held up, ms', digits: 2, take: 'max' },
    { key: 'longestPingMs', title: 'longest ping, ms', digits: 2 },
    { key: 'keysInRedis', title: 'keys in Redis' },
  ],
  candidates: Object.fromEntries(['holdfast', 'bentocache', 'cacheable'].map(name => [name, () => measure(name)])),
  claims: [
    { candidate: 'holdfast', column: 'dropMs', atMost: 3, why: 'a version is raised, whatever the number of entries' },
    { candidate: 'holdfast', column: 'longestCommandMs', atMost: 3, why: 'Redis serves others meanwhile' },
  ],
  leftOut: [
    { name: 'cache-manager', why: 'has no tags' },
    { name: 'layered-loader', why: 'has groups, of which an entry is in one' },
  ],
  rounds: 1,
})
