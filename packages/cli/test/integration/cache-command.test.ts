import { createTieredCache, type TieredCache } from 'holdfast/cache'
import { createRegistry } from 'holdfast/telemetry'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCommandLine } from '../../src/command-line.ts'
import { fakeHost } from '../fake-host.ts'

const REDIS_URL = process.env.HOLDFAST_TEST_REDIS_URL!
const namespace = `cli-${process.pid}`

async function run(...argv: string[]) {
  const host = fakeHost({ REDIS_URL })
  const code = await runCommandLine(['cache', ...argv, '--namespace', namespace], host)
  return { code, out: host.out(), err: host.err() }
}

describe('holdfast cache', () => {
  let service: TieredCache
  beforeAll(async () => {
    service = createTieredCache({ namespace }, { redis: REDIS_URL, registry: createRegistry() })
    await service.start()
  })
  afterAll(() => service.stop())

  it('prints a value, and where an entry is without its value', async () => {
    await service.set('k', { secret: 5n, names: new Set(['x']) }, { ttl: '1m', tags: ['t'] })
    expect(await run('get', 'k')).toMatchObject({ code: 0, out: "{ secret: 5n, names: Set(1) { 'x' } }\n", err: '' })
    expect(JSON.parse((await run('get', 'k', '--json')).out)).toMatchObject({
      schema: 'holdfast.cache-entry/1',
      value: { secret: '5', names: ['x'] },
    })
    const { out } = await run('inspect', 'k')
    expect(out).toMatch(/^k\n {2}size {3}\d+ bytes\n/)
    expect(out).toContain('tags   t\n')
    expect(JSON.parse((await run('inspect', 'k', '--json')).out)).not.toHaveProperty('value')
  })

  it('invalidates only when confirmed, and explains the miss with exit code 1', async () => {
    await service.set('k', 'v', { ttl: '1m', tags: ['t'] })
    const refused = await run('invalidate', 't')
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toMatch(/HF_CLI_CONFIRMATION_REQUIRED[\s\S]*--yes/)
    expect(await run('explain', 'k')).toMatchObject({ code: 0, out: expect.stringMatching(/^hit: in Redis, fresh for/) })
    expect(await run('invalidate', 't', 'u', '--yes')).toMatchObject({ code: 0, out: '✓ everything with "t" or "u" is invalid\n' })
    expect(await run('explain', 'k')).toMatchObject({ code: 1, out: 'miss: invalidated by "t"\n' })
    expect(await run('get', 'k')).toMatchObject({ code: 1, out: '', err: 'miss: invalidated by "t"\n' })
    expect(JSON.parse((await run('explain', 'k', '--json')).out)).toMatchObject({ reason: 'tag_invalidated', movedTags: ['t'] })
  })

  it('lists what Redis holds by prefix, and says when there is more than it looked at', async () => {
    await service.clear()
    await service.setMany(
      Array.from({ length: 30 }, (_, i) => [`list:${i}`, i] as const),
      { ttl: '10m' },
    )
    const { code, out, err } = await run('ls', '--prefix', 'list:')
    expect(code).toBe(0)
    expect(out).toMatch(/^prefix +entries +stale +mean size +about +fresh for\nlist +30 +0 +\d+ B \(n 20\) +[\d.]+ k?B +\d+ min to 10 min\n$/)
    expect(err).toBe('30 entries, all of them\n')
    const part = await run('ls', '--prefix', 'list:', '--limit', '7', '--json')
    expect(JSON.parse(part.out)).toMatchObject({ schema: 'holdfast.cache-list/1', scannedCount: 7, isComplete: false, prefixes: [{ entryCount: 7 }] })
    expect(await run('ls', '--limit', '0')).toMatchObject({ code: 2 })
  })

  it('drops by pattern only when confirmed, with the count first', async () => {
    await service.setMany(['p:1', 'p:2', 'q:1'].map(key => [key, 1] as const))
    const refused = await run('invalidate', '--pattern', 'p:*')
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toMatch(/the 2 entries that match "p:\*" in the namespace cli-\d+/)
    expect(await service.get('p:1')).toBe(1)
    expect(await run('invalidate', '--pattern', 'p:*', '--yes')).toMatchObject({ code: 0, out: '✓ 2 entries dropped\n' })
    expect(await service.get('q:1')).toBe(1)
    const again = await run('invalidate', '--pattern', 'p:*', '--json')
    expect(JSON.parse(again.out)).toMatchObject({ schema: 'holdfast.cache-invalidation/1', pattern: 'p:*', dropped: 0 })
    for (const argv of [[], ['t', '--pattern', 'p:*']]) {
      expect(await run('invalidate', ...argv, '--yes')).toMatchObject({ code: 2, err: expect.stringContaining('either tags or --pattern') })
    }
  })

  it('says what is missing when there is no Redis to ask', async () => {
    const unset = fakeHost({ XDG_CACHE_HOME: '/nonexistent' })
    expect(await runCommandLine(['cache', 'get', 'k'], unset)).toBe(2)
    expect(unset.err()).toContain('HF_CLI_NO_REDIS')
    const away = fakeHost({ REDIS_URL: 'redis://127.0.0.1:1' })
    expect(await runCommandLine(['cache', 'get', 'k'], away)).toBe(3)
    expect(away.err()).toContain('HF_CACHE_REDIS_AWAY')
  })
})
