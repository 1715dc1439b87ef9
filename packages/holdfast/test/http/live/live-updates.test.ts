import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { fakeClock, stressLifecycle } from '@holdfast/testkit'
import { afterEach, describe, expect, it } from 'vitest'
import { createTieredCache } from '../../../src/cache/index.ts'
import { createLiveUpdates, type LiveOptions, type LiveSubscription, type LiveUpdates, problemAnswer, toProblem } from '../../../src/http/index.ts'
import { createRegistry, type Registry } from '../../../src/telemetry/index.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function open(options: Partial<LiveOptions<object>> = {}) {
  const clock = fakeClock()
  const registry = createRegistry()
  const cache = createTieredCache({}, { clock, registry })
  await cache.start()
  const live = createLiveUpdates({ name: 'leads', authorize: () => true, ...options }, cache)
  await live.start()
  closing.push(() => live.stop())
  return { clock, registry, cache, live }
}

/** What a client has read so far, and the next piece. */
async function listen(live: LiveUpdates<object>, subscription: LiveSubscription, headers: Record<string, string> = {}) {
  const response = await live.respond(new Request('http://shop.test/live', { headers }), subscription)
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader()
  closing.push(() => reader.cancel().catch(() => undefined))
  const next = async (): Promise<string> => (await reader.read()).value ?? 'end'
  return { response, opening: await next(), next, cancel: () => reader.cancel() }
}

const data = (frame: string): string => /data: (.*)/.exec(frame)?.[1] ?? ''
const idOf = (frame: string): string => /id: (.*)/.exec(frame)![1]!
function counted(registry: Registry, name: string): Record<string, number> {
  const series = registry.snapshot().find(family => family.name === name)?.series ?? []
  return Object.fromEntries(series.filter(({ value }) => value !== 0).map(({ labels, value }) => [labels.slice(1).join(), value!]))
}

describe('live updates', () => {
  it('reach those who hear the channel, as server-sent events that nothing may hold back', async () => {
    const { live, registry } = await open()
    const seven = await listen(live, { channels: ['agent:7'] })
    const eight = await listen(live, { channels: ['agent:8'] })
    expect(seven.opening).toBe('retry: 2000\n\n')
    expect(Object.fromEntries(seven.response.headers)).toEqual({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    await live.publish('agent:7', 'assigned', { text: 'one\ntwo' })
    await live.publish('agent:8', 'assigned', 8)
    expect(await seven.next()).toMatch(/^id: [\w-]+\nevent: assigned\ndata: {"text":"one\\ntwo"}\n\n$/)
    expect(data(await eight.next())).toBe('8')
    expect([live.clientCount(), counted(registry, 'holdfast_live_clients')]).toEqual([2, { '': 2 }])
  })

  it('let in nobody who is not granted it: not on false, not on anything but true, not when the question fails', async () => {
    for (const authorize of [
      () => false,
      () => 'yes' as never,
      () => undefined as never,
      () => Promise.reject(new Error('no session')),
      () => {
        throw new Error('no session')
      },
    ]) {
      const { live, registry } = await open({ authorize })
      await expect(live.respond(new Request('http://shop.test/'), { channels: ['a'] })).rejects.toMatchObject({
        code: 'HF_HTTP_LIVE_FORBIDDEN',
        status: 403,
      })
      expect([live.clientCount(), counted(registry, 'holdfast_live_refusals')]).toEqual([0, { forbidden: 1 }])
    }
    expect(() => createLiveUpdates({ name: 'a b', maxClients: 0 } as never, createTieredCache({}, { registry: createRegistry() }))).toThrow(
      /name.*authorize.*maxClients/s,
    )
  })

  it('ask about each client with its request and what it would hear', async () => {
    const asked: unknown[] = []
    const { live } = await open({
      authorize: (request, subscription) => {
        asked.push([(request as Request).headers.get('authorization'), subscription])
        return true
      },
    })
    await listen(live, { channels: ['a'] }, { authorization: 'Bearer x' })
    expect(asked).toEqual([['Bearer x', { channels: ['a'] }]])
  })

  it('go on after the last event that a client saw, and say so where that is not known', async () => {
    const { live } = await open({ bufferSize: 3 })
    const first = await listen(live, { channels: ['a'] })
    for (const n of [1, 2]) await live.publish('a', 'n', n)
    const seen = idOf(await first.next())
    await live.publish('b', 'n', 'of another channel')
    const again = await listen(live, { channels: ['a'] }, { 'last-event-id': seen })
    expect(again.opening.match(/^data: .*$/gm)).toEqual(['data: 2'])
    await live.publish('a', 'n', 3)
    expect(data(await again.next())).toBe('3')
    for (const id of [seen, 'never-sent', '\u00ff'.repeat(300)]) {
      const late = await listen(live, { channels: ['a'] }, { 'last-event-id': id })
      expect(late.opening, id).toBe('retry: 2000\n\nevent: reset\ndata: {}\n\n')
    }
  })

  it('tell of tags that are dropped, and have a client that comes back read anew', async () => {
    const { live, cache } = await open()
    const { next } = await listen(live, { tags: ['lead:7'] })
    await cache.invalidateTags('lead:8', 'lead:7')
    expect(await next()).toBe('event: invalidated\ndata: {"tag":"lead:7"}\n\n')
    await live.publish('a', 'n', 1)
    const other = await listen(live, { channels: ['a'] })
    await live.publish('a', 'n', 2)
    const again = await listen(live, { channels: ['a'], tags: ['lead:7'] }, { 'last-event-id': idOf(await other.next()) })
    expect(again.opening).toContain('event: reset')
  })

  it('send a comment at the heartbeat, and end a connection that is old', async () => {
    const { live, clock, registry } = await open({ heartbeat: '10s', maxAge: '25s' })
    const { next } = await listen(live, { channels: ['a'] })
    for (let i = 0; i < 2; i++) {
      clock.advance(10_000)
      expect(await next()).toBe(':\n\n')
    }
    clock.advance(10_000)
    expect(await next()).toBe('end')
    expect([live.clientCount(), counted(registry, 'holdfast_live_leaves')]).toEqual([0, { expired: 1 }])
  })

  it('keep to the most clients, also while their authorisation is under way', async () => {
    let grant!: (allowed: boolean) => void
    const { live, registry } = await open({ maxClients: 1, authorize: () => new Promise(resolve => (grant = resolve)) })
    const pending = live.respond(new Request('http://shop.test/'), { channels: ['a'] })
    await expect(live.respond(new Request('http://shop.test/'), { channels: ['a'] })).rejects.toMatchObject({
      code: 'HF_HTTP_LIVE_FULL',
      status: 503,
    })
    grant(true)
    await (await pending).body!.cancel()
    expect([live.clientCount(), counted(registry, 'holdfast_live_refusals')]).toEqual([0, { full: 1 }])
  })

  it.each<[string, [string, string, unknown]]>([
    ['a channel with white space', ['a b', 'n', 1]],
    ['an empty channel', ['', 'n', 1]],
    ['a name with a line break', ['a', 'n\ndata: x', 1]],
    ['data that is no JSON', ['a', 'n', undefined]],
    ['data that is too long', ['a', 'n', 'x'.repeat(65_536)]],
  ])('refuse %s', async (_, [channel, event, value]) => {
    const { live } = await open()
    await expect(live.publish(channel, event, value)).rejects.toMatchObject({ code: 'HF_HTTP_LIVE_INVALID' })
  })

  it('ignore what is no event of theirs on their channel', async () => {
    const { live, cache } = await open()
    const { next } = await listen(live, { channels: ['a'] })
    for (const message of [
      'text',
      '{}',
      '["a","a","n"]',
      JSON.stringify(['a', 'a', 'n', '1\n\ndata: injected']),
      JSON.stringify(['a\nb', 'a', 'n', '1']),
    ])
      await cache.publish('live:leads', message)
    await live.publish('a', 'n', 'ours')
    expect(data(await next())).toBe('"ours"')
  })

  it('start and stop in any order, and end their streams', async () => {
    const { cache } = await open()
    let count = 0
    await stressLifecycle(() => createLiveUpdates({ name: `s${count++}`, authorize: () => true }, cache))
    const { live } = await open()
    const { next } = await listen(live, { channels: ['a'] })
    await live.stop()
    expect(await next()).toBe('end')
    await expect(live.respond(new Request('http://shop.test/'), {})).rejects.toMatchObject({ code: 'HF_HTTP_LIVE_FULL' })
  })

  it("end with the cache's stop", async () => {
    const { live, cache } = await open()
    const { next } = await listen(live, { channels: ['a'] })
    await cache.stop()
    expect([await next(), live.clientCount()]).toEqual(['end', 0])
  })
})

describe('live updates on node', () => {
  async function serve(live: LiveUpdates<object>): Promise<{ server: Server; port: number }> {
    const server = createServer((request, response) => {
      live.serve(request as IncomingMessage, response, { channels: ['a'] }).catch(error => {
        const { status, headers, body } = problemAnswer(toProblem(error))
        response.writeHead(status, headers).end(body)
      })
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    closing.push(() => {
      server.closeAllConnections()
      return new Promise(resolve => server.close(resolve))
    })
    return { server, port: (server.address() as AddressInfo).port }
  }

  it('cut off a client that does not read, and no other', async () => {
    const { live, registry } = await open({ maxUnread: '32kb' })
    const { port } = await serve(live)
    const slow = connect(port, '127.0.0.1')
    slow.pause()
    slow.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await expect.poll(() => live.clientCount()).toBe(1)
    const good = await listen(live, { channels: ['a'] })
    let sent = 0
    // What the kernel takes for the slow one is its business: megabytes on some machines.
    while (live.clientCount() === 2 && sent < 2000) {
      await live.publish('a', 'n', 'x'.repeat(20_000))
      expect(data(await good.next()).length).toBe(20_002)
      sent++
    }
    expect([live.clientCount(), counted(registry, 'holdfast_live_leaves')]).toEqual([1, { slow: 1 }])
    slow.destroy()
  })

  it('forget a client that went, and answer a refused one with its status', async () => {
    let isAllowed = true
    const { live, registry } = await open({ authorize: () => isAllowed })
    const { port } = await serve(live)
    const client = await fetch(`http://127.0.0.1:${port}/`)
    expect(client.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    await client.body!.cancel()
    await expect.poll(() => counted(registry, 'holdfast_live_leaves')).toEqual({ closed: 1 })
    isAllowed = false
    const refused = await fetch(`http://127.0.0.1:${port}/`)
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([403, 'HF_HTTP_LIVE_FORBIDDEN'])
  })
})
