import { fakeClock } from '@holdfast/testkit'
import { createRegistry } from 'holdfast/telemetry'
import { expect, it } from 'vitest'
import { type CacheOptions, createTieredCache } from '../../src/cache/index.ts'

interface Draft {
  title: string
  lines: string[]
}

it.each([
  ['of the cache', { clone: true }, undefined],
  ['of a rule', { rules: [{ prefix: 'draft:', clone: true }] }, undefined],
  ['of the call', {}, true],
] as const)('gives each caller a copy to change, by the option %s', async (_, options: CacheOptions, clone) => {
  const cache = createTieredCache(options, { clock: fakeClock(), registry: createRegistry() })
  const call = clone === undefined ? {} : { clone }
  const mine: Draft = { title: 'old', lines: ['a'] }
  const loaded = await cache.getOrSet<Draft>('draft:7', () => mine, call)
  loaded.lines.push('b')
  mine.title = 'changed by the loader later'
  const read = await cache.getOrSet<Draft>('draft:7', () => expect.unreachable())
  expect(read).toEqual({ title: 'old', lines: ['a'] })
  read.title = 'new'
  expect(await cache.get('draft:7')).toEqual({ title: 'old', lines: ['a'] })
  await cache.set('draft:8', mine, call)
  const written = (await cache.get<Draft>('draft:8'))!
  written.lines.length = 0
  expect((await cache.get<Draft>('draft:8'))?.lines).toEqual(['a'])
})

it('costs a text nothing, and is refused when it is neither true nor false', async () => {
  const cache = createTieredCache({ clone: true }, { clock: fakeClock(), registry: createRegistry() })
  await cache.set('k', 'v')
  expect(cache.peek('k')).toBe('v')
  expect(() => createTieredCache({ clone: 1 as unknown as boolean }, { registry: createRegistry() })).toThrow(/cache.clone/)
})
