// One process with one cache and what is built on it, told what to do by its parent. Bundled and forked by feature-process.ts.

import { createKnownIds, createTieredCache, createWarming, type WarmingReport } from '../../../src/cache/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'
import type { FeatureRequest, WarmingPlan } from './feature-process.ts'

const { url, namespace, plan } = JSON.parse(process.argv[2]!) as { url: string; namespace: string; plan: WarmingPlan }
const cache = createTieredCache({ namespace, jitter: 0, redisBudget: '2s' }, { redis: url, registry: createRegistry() })
let loads = 0

const warming = createWarming(cache, {
  ...(plan.deployId === undefined ? {} : { deployId: plan.deployId }),
  sources: [
    {
      name: 'all',
      keys: () => Array.from({ length: plan.keys }, (_, i) => `k${i}`),
      on: plan.on,
      concurrency: 1,
      tags: ['all'],
      load: async ({ key }) => {
        loads++
        await new Promise(resolve => setTimeout(resolve, plan.loadMs))
        return key.toUpperCase()
      },
    },
  ],
})

const known = createKnownIds(cache, { name: 'agents', ids: () => [1, 2, 3], expected: 1000, commitWithin: '50ms' })

async function run(request: FeatureRequest): Promise<number | WarmingReport | undefined> {
  switch (request) {
    case 'start':
      await cache.start()
      await warming.start()
      return undefined
    case 'loads':
      return loads
    case 'idle':
      await warming.idle()
      return warming.lastReport()
    case 'join':
      await cache.start()
      return known.start() as Promise<undefined>
    case 'add':
      return known.add('fresh') as Promise<undefined>
    case 'stop':
      await cache.stop()
      process.off('disconnect', endAsOrphan)
      process.disconnect()
      return undefined
  }
}

/** A test that failed, or was killed, stops nobody. */
const endAsOrphan = (): void => process.exit()
process.once('disconnect', endAsOrphan)
process.on('unhandledRejection', reason => {
  process.send!({ id: -1, error: `unhandled: ${reason}` })
})
process.on('message', ({ id, request }: { id: number; request: FeatureRequest }) => {
  run(request).then(
    result => process.connected && process.send!({ id, result }),
    error => process.connected && process.send!({ id, error: String(error) }),
  )
})
