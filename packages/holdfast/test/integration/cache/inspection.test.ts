import { describe, expect, it } from 'vitest'
import { foreignClient, newNamespace, openCache, settleInMemory, until } from './harness.ts'

describe('inspecting and explaining a key', () => {
  it('says where an entry is, and shows its value only on request', async () => {
    const options = { namespace: newNamespace() }
    await using a = await openCache(options)
    expect(await a.cache.explain('k')).toMatchObject({ outcome: 'miss', reason: 'absent' })
    await a.cache.set('k', { secret: 1 }, { ttl: '1m', tags: ['t'] })
    expect(await a.cache.explain('k')).toMatchObject({ outcome: 'hit', reason: 'in_redis' })
    await a.cache.set('k', 'v', { ttl: '1m', tags: ['t'] })
    await settleInMemory(a, 'k', 'v')
    expect(await a.cache.explain('k')).toMatchObject({ outcome: 'hit', reason: 'in_memory' })
    const found = await a.cache.inspect('k')
    expect(found).toMatchObject({ redisState: 'stored', memory: { tags: [{ tag: 't', isCurrent: true }] }, redis: { loadMs: 0, isCleared: false } })
    expect(found).not.toHaveProperty('value')
    expect(found.redis!.freshForMs).toBeGreaterThan(50_000)
    expect(found.redis!.sizeBytes).toBeGreaterThan(27)
    expect((await a.cache.inspect('k', { value: true })).value).toBe('v')
  })

  it('names the tag that was invalidated, and shows no value then', async () => {
    await using a = await openCache({ namespace: newNamespace() })
    await a.cache.set('k', 'v', { tags: ['kept', 'moved'] })
    await a.cache.invalidateTags('moved')
    expect(await a.cache.explain('k')).toMatchObject({ outcome: 'miss', reason: 'tag_invalidated', movedTags: ['moved'] })
    expect((await a.cache.inspect('k', { value: true })).value).toBeUndefined()
  })

  it('tells a clear, a stale entry and damage apart', async () => {
    const options = { namespace: newNamespace() }
    await using a = await openCache({ ...options, l1: false })
    await a.cache.set('k', 'v')
    await a.cache.clear()
    expect(await a.cache.explain('k')).toMatchObject({ outcome: 'miss', reason: 'cleared' })
    await a.cache.set('k', 'v', { ttl: '1ms', grace: '1m' })
    await until(async () => (await a.cache.explain('k')).reason === 'stale')
    const redis = foreignClient()
    await redis.set(`hf:${options.namespace}:v:k`, 'of another program')
    redis.disconnect()
    expect(await a.cache.explain('k')).toMatchObject({ outcome: 'miss', reason: 'unreadable' })
  })

  it('says that Redis is away when it is', async () => {
    await using a = await openCache({ namespace: newNamespace() }, 'redis://127.0.0.1:1')
    expect(await a.cache.explain('k')).toMatchObject({ outcome: 'miss', reason: 'redis_away' })
    expect(await a.cache.inspect('k')).toMatchObject({ redisState: 'away' })
  })
})
