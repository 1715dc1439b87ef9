import { createRegistry } from 'holdfast/telemetry'
import { afterEach, describe, expect, it } from 'vitest'
import { createTieredCache, type TieredCache } from '../../../src/cache/index.ts'
import { createLiveUpdates, type LiveSubscription, type LiveUpdates } from '../../../src/http/index.ts'
import { newNamespace, REDIS_URL } from '../cache/harness.ts'
import { startTcpProxy } from '../cache/tcp-proxy.ts'

const opened: TieredCache[] = []
afterEach(async () => {
  for (const cache of opened.splice(0)) await cache.stop()
})

/** A process: its cache, its connections, its clients. */
async function open(namespace: string, redis = REDIS_URL): Promise<{ cache: TieredCache; live: LiveUpdates<object> }> {
  const cache = createTieredCache({ namespace }, { redis, registry: createRegistry() })
  opened.push(cache)
  await cache.start()
  const live = createLiveUpdates({ name: 'leads', authorize: () => true }, cache)
  await live.start()
  return { cache, live }
}

async function listen(live: LiveUpdates<object>, subscription: LiveSubscription, lastId?: string) {
  const headers: Record<string, string> = lastId === undefined ? {} : { 'last-event-id': lastId }
  const { body } = await live.respond(new Request('http://shop.test/live', { headers }), subscription)
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader()
  const next = async (): Promise<string> => (await reader.read()).value ?? 'end'
  return { opening: await next(), next }
}

describe('live updates over Redis', () => {
  it('reach clients of every process, and a client goes on in another process where it was', async () => {
    const namespace = newNamespace()
    const [here, there] = [await open(namespace), await open(namespace)]
    const listener = await listen(here.live, { channels: ['a'] })
    await there.live.publish('a', 'n', 1)
    const first = await listener.next()
    expect(first).toContain('data: 1\n')
    await here.live.publish('a', 'n', 2)
    expect(await listener.next()).toContain('data: 2\n')
    const id = /id: (.*)/.exec(first)![1]!
    // It may have the second event a moment later.
    await expect.poll(async () => (await listen(there.live, { channels: ['a'] }, id)).opening).toContain('data: 2\n')
    expect((await listen(there.live, { channels: ['a'] }, id)).opening).not.toMatch(/reset|data: 1/)
  })

  it('tell of a tag that another process has dropped', async () => {
    const namespace = newNamespace()
    const [here, there] = [await open(namespace), await open(namespace)]
    const listener = await listen(here.live, { tags: ['lead:7'] })
    await there.cache.invalidateTags('lead:7')
    expect(await listener.next()).toContain('{"tag":"lead:7"}')
  })

  it('have clients read anew after Redis was away, and serve those of this process meanwhile', async () => {
    const proxy = await startTcpProxy(REDIS_URL)
    const namespace = newNamespace()
    const [cut, whole] = [await open(namespace, proxy.url), await open(namespace)]
    const listener = await listen(cut.live, { channels: ['a'] })
    proxy.partition(true)
    await cut.live.publish('a', 'n', 'while it was away')
    expect(await listener.next()).toContain('while it was away')
    proxy.partition(false)
    expect(await listener.next()).toContain('event: reset')
    await expect
      .poll(async () => {
        await whole.live.publish('a', 'n', 'back')
        return await listener.next()
      })
      .toContain('back')
    await proxy.close()
  })
})
