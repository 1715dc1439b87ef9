// The claim: a delete and a tag invalidation made while this process is cut off from Redis for two seconds return at once and are kept: after the partition heals, the others
// have lost the value. Beside it: for how long the calls blocked.
import { setTimeout as pause } from 'node:timers/promises'
import { redisUrl, withRedis } from '../redis.mjs'
import { benchTable } from '../table.mjs'
import { startTcpProxy } from '../tcp-proxy.mjs'
import { openContender, PEERS } from './contenders.mjs'

const PARTITION_MS = 2000
/** How long after the heal the others are asked. */
const SETTLE_MS = 3000
const CALL_LIMIT_MS = 6000

async function timedCall(call) {
  const startedAt = performance.now()
  let outcome = 'resolved'
  const settled = call().then(
    () => undefined,
    () => {
      outcome = 'rejected'
    },
  )
  const isLate = await Promise.race([settled, pause(CALL_LIMIT_MS, true)])
  return { outcome: isLate ? 'never settled' : outcome, blockedMs: performance.now() - startedAt }
}

async function measure(name) {
  const proxy = await startTcpProxy(redisUrl())
  const mine = await openContender(name, { url: proxy.url, tags: true, namespace: `${name}-${process.pid}` })
  const other = await openContender(name, { url: redisUrl(), tags: true, namespace: `${name}-${process.pid}` })
  const hasTags = mine.invalidateTag !== undefined
  const value = version => ({ version })
  await mine.set('key', value('old'))
  await mine.set('tagged', value('old'), mine.options({ tags: ['tag'] }))
  await pause(200)
  for (const key of ['key', 'tagged'])
    if ((await other.getOrSet(key, () => value('new'))).version !== 'old') throw new Error('the other does not see the value')
  proxy.partition(true)
  await pause(PARTITION_MS / 2)
  const [deleted, invalidated] = await Promise.all([
    timedCall(() => mine.delete('key')),
    hasTags ? timedCall(() => mine.invalidateTag('tag')) : undefined,
    heal(proxy),
  ])
  await pause(SETTLE_MS)
  const isKept = async key => (await other.getOrSet(key, () => value('new'))).version === 'new'
  return {
    deleteKept: await isKept('key'),
    deleteBlockedMs: deleted.blockedMs,
    deleteOutcome: deleted.outcome,
    tagKept: hasTags ? await isKept('tagged') : null,
    tagBlockedMs: invalidated?.blockedMs ?? null,
    tagOutcome: invalidated?.outcome ?? null,
  }
}

async function heal(proxy) {
  await pause(PARTITION_MS / 2)
  proxy.partition(false)
}

process.on('unhandledRejection', () => undefined)
await withRedis(() =>
  benchTable({
    url: import.meta.url,
    about: `cut off from Redis for ${PARTITION_MS / 1000} s, deleted half way; the other is asked ${SETTLE_MS / 1000} s after the heal`,
    columns: [
      { key: 'deleteKept', title: 'delete kept' },
      { key: 'deleteBlockedMs', title: 'blocked, ms', digits: 1, take: 'max' },
      { key: 'deleteOutcome', title: 'and then' },
      { key: 'tagKept', title: 'tag kept' },
      { key: 'tagBlockedMs', title: 'blocked, ms', digits: 1, take: 'max' },
      { key: 'tagOutcome', title: 'and then' },
    ],
    candidates: Object.fromEntries(['holdfast', ...PEERS].map(name => [name, () => measure(name)])),
    claims: [
      { candidate: 'holdfast', column: 'deleteKept', is: true, why: 'a delete is never lost' },
      { candidate: 'holdfast', column: 'deleteBlockedMs', atMost: 5, why: 'nobody waits for a Redis that is away' },
      { candidate: 'holdfast', column: 'tagKept', is: true, why: 'nor an invalidation' },
      { candidate: 'holdfast', column: 'tagBlockedMs', atMost: 5, why: 'nobody waits for a Redis that is away' },
    ],
    leftOut: ['cache-manager', 'layered-loader'].map(name => ({ name: `tags of ${name}`, why: 'has none' })),
  }),
)
