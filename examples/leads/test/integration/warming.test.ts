import { randomUUID } from 'node:crypto'
import { createTieredCache, requestWarming } from 'holdfast/cache'
import { createRegistry } from 'holdfast/telemetry'
import { expect, it } from 'vitest'
import { runService } from './running-service.ts'
import { seededDatabase } from './seeded-database.ts'

it('is warmed on request, with what its routes then serve', async () => {
  const database = await seededDatabase()
  const namespace = randomUUID()
  const service = await runService(database.url, 'cache', namespace)
  const outside = createTieredCache({ namespace, l1: false }, { redis: process.env.HOLDFAST_TEST_REDIS_URL!, registry: createRegistry() })
  try {
    await outside.start()
    expect(await outside.get('carriers')).toBeUndefined()
    // Heard only once the service is subscribed, of which nothing tells.
    const warmed = await requestWarming(outside).catch(() => requestWarming(outside))
    expect(warmed.sources).toMatchObject([
      { source: 'agents', outcome: 'warmed', loaded: 200, failed: 0 },
      { source: 'carriers', outcome: 'warmed', failed: 0 },
      { source: 'dashboard', outcome: 'warmed', failed: 0 },
    ])
    const { body } = await service.get('/carriers')
    expect((body as { carriers: unknown }).carriers).toEqual(await outside.get('carriers'))
    const again = await requestWarming(outside, { sources: ['agents'] })
    expect(again.sources).toMatchObject([{ loaded: 0, fresh: 200 }])
  } finally {
    await outside.stop()
    await service.stop()
    await database.drop()
  }
})
