import { afterEach, expect, it } from 'vitest'
import { functionCache } from '../../../src/adapters/next.ts'
import { type Holdfast, holdfast } from '../../../src/runtime/index.ts'
import { newNamespace, REDIS_URL } from '../cache/harness.ts'

const open: Holdfast[] = []
afterEach(async () => {
  for (const hf of open.splice(0)) await hf.stop()
})

const entry = (text: string, timestamp: number) =>
  Promise.resolve({ value: new Response(text).body!, tags: ['fund:7'], stale: 30, timestamp, expire: 3600, revalidate: 60 })

it('shares results between processes, and keeps none that another process invalidated while it was made', async () => {
  const namespace = newNamespace()
  const [a, b] = await Promise.all([1, 2].map(() => holdfast({ redis: REDIS_URL, cache: { namespace, jitter: 0 } })))
  open.push(a!, b!)
  const [ours, theirs] = [functionCache(() => a!), functionCache(() => b!)]
  const read = async (handler: typeof ours) => {
    const found = await handler.get('k', ['_N_T_/fund/7'])
    return found && new Response(found.value).text()
  }
  const begunAtMs = Date.now()
  await b!.cache.invalidateTags('fund:7')
  await ours.set('k', entry('old', begunAtMs))
  expect([await read(ours), await read(theirs)]).toEqual([undefined, undefined])
  // What is made within the margin for the difference of two clocks (0.2 s) is not kept.
  await new Promise(resolve => setTimeout(resolve, 250))
  await ours.set('k', entry('new', Date.now()))
  expect([await read(ours), await read(theirs)]).toEqual(['new', 'new'])
  await theirs.updateTags(['_N_T_/fund/7', 'fund:7'])
  await expect.poll(() => read(ours), { timeout: 10_000 }).toBe(undefined)
  expect(await ours.getExpiration(['_N_T_/fund/7'])).toBeGreaterThanOrEqual(begunAtMs)
})
