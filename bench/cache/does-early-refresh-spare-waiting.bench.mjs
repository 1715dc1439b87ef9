// A hot key whose load takes 40 ms lives for 400 ms and is read every 5 ms for 4 s: how long do its readers wait? The claim: with early refresh a tenth of
// the time at most, for at most half as many loads again. A grace spares as much, and serves values that are over.
import { setTimeout as pause } from 'node:timers/promises'
import { createTieredCache } from '../../packages/holdfast/dist/cache/index.js'
import { createRegistry } from '../../packages/holdfast/dist/telemetry/index.js'
import { bench } from '../harness.mjs'

const [LOAD_MS, TTL_MS, GAP_MS, FOR_MS] = [40, 400, 5, 4000]

async function readHotKey(earlyRefresh) {
  const cache = createTieredCache({ ttl: `${TTL_MS}ms`, jitter: 0, earlyRefresh }, { registry: createRegistry() })
  let loads = 0
  const load = async () => {
    loads++
    await pause(LOAD_MS)
    return loads
  }
  await cache.getOrSet('hot', load)
  let waitedMs = 0
  let reads = 0
  const all = []
  const endMs = performance.now() + FOR_MS
  while (performance.now() < endMs) {
    const beganMs = performance.now()
    reads++
    all.push(
      cache.getOrSet('hot', load).then(() => {
        waitedMs += performance.now() - beganMs
      }),
    )
    await pause(GAP_MS)
  }
  await Promise.all(all)
  await cache.stop()
  return { waitedMs: (waitedMs * 1000) / reads, loads }
}

const candidate = earlyRefresh => ({
  check: async () => {
    const { loads } = await readHotKey(earlyRefresh)
    const most = 1.5 * (FOR_MS / TTL_MS + 1)
    if (loads > most) throw new Error(`${loads} loads, at most ${most} were to be expected`)
  },
  run: async () => (await readHotKey(earlyRefresh)).waitedMs,
})

await bench({
  url: import.meta.url,
  unit: 'ms that 1,000 readers of a hot key wait in all',
  baseline: 'early refresh off',
  candidates: { 'early refresh off': candidate(false), 'early refresh on': candidate(true) },
  claims: [{ candidate: 'early refresh on', atMost: 0.1, why: 'the new value is there before the old one ends' }],
})
