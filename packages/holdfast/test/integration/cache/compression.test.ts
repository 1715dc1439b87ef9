import { expect, it } from 'vitest'
import { foreignClient, newNamespace, openCache } from './harness.ts'

const rows = Array.from({ length: 500 }, (_, i) => ({
  id: `lead-${(i * 7919) % 10_007}`,
  status: ['new', 'assigned', 'sold'][i % 3],
  zip: 10_000 + ((i * 104_729) % 89_999),
  source: ['web', 'partner'][i % 2],
}))

it.each(['loaded', 'set'] as const)('takes 40 % less of Redis for a list that was %s, and another process reads it', async how => {
  const sizes: number[] = []
  for (const compress of [false, '4kb'] as const) {
    const namespace = newNamespace()
    await using a = await openCache({ namespace, compress })
    await using b = await openCache({ namespace })
    if (how === 'set') await a.cache.set('leads', rows)
    else await a.cache.getOrSet('leads', () => rows)
    expect(await b.cache.get('leads')).toEqual(rows)
    expect((await b.cache.inspect('leads', { value: true })).value).toEqual(rows)
    const client = foreignClient()
    sizes.push(await client.strlen(`hf:${namespace}:v:leads`))
    client.disconnect()
  }
  expect(sizes[1]! / sizes[0]!).toBeLessThan(0.6)
})
