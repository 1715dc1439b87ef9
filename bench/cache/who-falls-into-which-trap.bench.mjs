// The claim: Holdfast comes out right of every trap of traps.mjs. Beside it the peers, with their channels connected and their defaults.
// Staleness when a channel dies and deletes during a partition have benches of their own.
import { setTimeout as pause } from 'node:timers/promises'
import { redisUrl, withRedis } from '../redis.mjs'
import { benchTable } from '../table.mjs'
import { ioredis, openContender, PEERS } from './contenders.mjs'
import { TRAPS } from './traps.mjs'

const PLAY_LIMIT_MS = 8000
const FEATURES = {
  tags: new Set(['holdfast', 'bentocache', 'cacheable']),
  refresh: new Set(['holdfast', 'bentocache', 'cache-manager', 'layered-loader']),
}

async function playAll(name) {
  // A play may end badly in the background; that is told by what the readers see.
  process.on('unhandledRejection', () => undefined)
  const url = redisUrl()
  const client = new (ioredis())(url)
  const figures = { why: {} }
  for (const { key, needs, play } of TRAPS) {
    if (needs !== undefined && !FEATURES[needs].has(name)) continue
    const namespace = `${name}-${key}`
    const opened = []
    const open = async options => {
      const cache = await openContender(name, { url, namespace, tags: true, ...options })
      opened.push(cache)
      return cache
    }
    const stage = { name, url, namespace, client, open, cache: await open(), other: await open() }
    const problem = await Promise.race([
      play(stage).catch(error => `throws ${error?.constructor?.name}: ${String(error?.message).slice(0, 100)}`),
      pause(PLAY_LIMIT_MS, 'does not end', { ref: false }),
    ])
    figures[key] = problem === undefined
    if (problem !== undefined) figures.why[key] = problem
    await Promise.race([Promise.allSettled(opened.map(cache => cache.close())), pause(300)])
  }
  client.disconnect()
  return figures
}

await withRedis(() =>
  benchTable({
    url: import.meta.url,
    about: 'yes: comes out right; no: falls into it; -: has nothing of the kind',
    columns: TRAPS.map(({ key, title }) => ({ key, title })),
    candidates: Object.fromEntries(['holdfast', ...PEERS].map(name => [name, () => playAll(name)])),
    claims: TRAPS.map(({ key }) => ({ candidate: 'holdfast', column: key, is: true })),
    transposed: true,
  }),
)
