import { createRegistry } from 'holdfast/telemetry'
import { describe, expect, it } from 'vitest'
import { createTieredCache } from '../../../src/cache/index.ts'
import { foreignClient, newNamespace, openCache, pause, REDIS_URL, until } from './harness.ts'
import { startTcpProxy } from './tcp-proxy.ts'

describe('messages', () => {
  it('reach those who listen on the channel, in every process of the namespace', async () => {
    const namespace = newNamespace()
    await using a = await openCache({ namespace })
    await using b = await openCache({ namespace })
    await using stranger = await openCache({ namespace: `${namespace}-2` })
    const heard: string[] = []
    const listen = (name: string) => (message: string, channel: string) => void heard.push(`${name} ${channel} ${message}`)
    await a.cache.subscribe('leads', listen('a'))
    const end = await b.cache.subscribe('leads', listen('b'))
    await b.cache.subscribe('agents', listen('b'))
    await stranger.cache.subscribe('leads', listen('stranger'))
    await a.cache.publish('leads', 'ünï {"id":7}')
    await until(() => heard.length === 2)
    expect(heard.sort()).toEqual(['a leads ünï {"id":7}', 'b leads ünï {"id":7}'])
    end()
    await a.cache.publish('leads', 'again')
    await a.cache.publish('agents', 'x')
    await until(() => heard.includes('b agents x'))
    expect(heard.slice(2).sort()).toEqual(['a leads again', 'b agents x'])
  })

  it('go on to the other handlers when one fails, at once or later', async () => {
    await using a = await openCache({ namespace: newNamespace() })
    const heard: string[] = []
    await a.cache.subscribe('c', () => {
      throw new Error('at once')
    })
    await a.cache.subscribe('c', (async () => Promise.reject(new Error('later'))) as () => void)
    await a.cache.subscribe('c', message => void heard.push(message))
    await a.cache.publish('c', 'x')
    await until(() => heard.length === 1 && a.count('holdfast_cache_errors', 'message_handler') === 2)
  })

  it('come again after the connection was lost, and the gap is told', async () => {
    await using a = await openCache({ namespace: newNamespace() })
    const heard: string[] = []
    let gaps = 0
    await a.cache.subscribe('c', message => void heard.push(message), { onGap: () => void gaps++ })
    const client = foreignClient()
    const list = (await client.client('LIST')) as string
    const ids = list.split('\n').flatMap(line => (line.includes('name=holdfast-cache-messages') ? [/id=(\d+)/.exec(line)![1]!] : []))
    for (const id of ids) await client.client('KILL', 'ID', id)
    client.disconnect()
    await until(() => gaps === 1)
    await a.cache.publish('c', 'after')
    await until(() => heard.length === 1)
    expect(heard).toEqual(['after'])
  })

  it('are refused with a code when Redis is away, and nothing listens then', async () => {
    const proxy = await startTcpProxy(REDIS_URL)
    await using a = await openCache({ namespace: newNamespace() }, proxy.url)
    proxy.partition(true)
    await until(() => a.cache.stats().redis === 'away')
    await expect(a.cache.publish('c', 'x')).rejects.toMatchObject({ code: 'HF_CACHE_REDIS_AWAY' })
    const heard: string[] = []
    await expect(a.cache.subscribe('c', message => void heard.push(message))).rejects.toMatchObject({ code: 'HF_CACHE_REDIS_AWAY' })
    proxy.partition(false)
    await until(() => a.cache.stats().redis === 'usable')
    await a.cache.publish('c', 'x')
    // A delivery that does not happen has no signal.
    await pause(30)
    expect(heard).toEqual([])
    await proxy.close()
  })

  it('stay in this process without Redis, and are bounded', async () => {
    const cache = createTieredCache({}, { registry: createRegistry() })
    const heard: string[] = []
    const end = await cache.subscribe('c', message => void heard.push(message))
    await cache.publish('c', 'x')
    await until(() => heard.length === 1)
    for (const [channel, message] of [
      ['', 'x'],
      ['c'.repeat(256), 'x'],
      ['c', 'x'.repeat(1_048_577)],
      ['c', 7 as unknown as string],
    ] as const) {
      await expect(cache.publish(channel, message)).rejects.toMatchObject({ code: 'HF_CACHE_MESSAGE_INVALID' })
    }
    for (let i = 1; i < 10_000; i++) await cache.subscribe(`c${i % 10}`, () => undefined)
    await expect(cache.subscribe('c', () => undefined)).rejects.toMatchObject({ code: 'HF_CACHE_SUBSCRIPTIONS_FULL' })
    end()
    end()
    await cache.subscribe('c', () => undefined)
    await expect(cache.subscribe('c', () => undefined)).rejects.toMatchObject({ code: 'HF_CACHE_SUBSCRIPTIONS_FULL' })
  })
})
