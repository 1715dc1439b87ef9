// One process with one cache, told what to do by its parent. Bundled and forked by cache-process.ts.

import { createTieredCache } from '../../../src/cache/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'
import type { ChildReply, ChildRequest } from './cache-process.ts'

const { url, options } = JSON.parse(process.argv[2]!)
const cache = createTieredCache(options, { redis: url, registry: createRegistry() })
let loads = 0

process.on('unhandledRejection', reason => {
  // Ends the process, and with it the test that waits for its answer.
  throw reason
})

async function run(request: ChildRequest): Promise<unknown> {
  switch (request.op) {
    case 'start':
      return cache.start()
    case 'read': {
      const load = async (): Promise<unknown> => {
        loads++
        await new Promise(resolve => setTimeout(resolve, request.loadMs))
        return request.value
      }
      const reads = Array.from({ length: request.callers }, () => cache.getOrSet(request.key, load, { tags: request.tags }))
      return [...new Set(await Promise.all(reads))]
    }
    case 'get':
      return (await cache.get(request.key)) ?? null
    case 'delete':
      return cache.delete(request.key)
    case 'invalidate':
      return cache.invalidateTags(...request.tags)
    case 'loads':
      return loads
    case 'stats':
      return cache.stats()
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
process.on('message', (message: { id: number; request: ChildRequest }) => {
  run(message.request).then(
    result => process.connected && process.send!({ id: message.id, result } satisfies ChildReply),
    error => process.connected && process.send!({ id: message.id, error: String(error) } satisfies ChildReply),
  )
})
