import { type FakeClock, fakeClock } from '@holdfast/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { CLIENT_LIMIT, createLiveUpdates, type LiveUpdates, UNREAD_LIMIT } from '../src/api/live-updates.ts'

describe('live updates', () => {
  let clock: FakeClock
  let live: LiveUpdates
  let renderedWindows: number[]

  beforeEach(async () => {
    clock = fakeClock()
    renderedWindows = []
    live = createLiveUpdates({
      clock,
      render: windowSec => {
        renderedWindows.push(windowSec)
        return { atMs: clock.nowMs(), json: `{"window":${windowSec}}` }
      },
    })
    await live.start()
    return () => live.stop()
  })

  const readText = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string | undefined> => {
    const { value } = await reader.read()
    return value && Buffer.from(value).toString()
  }

  it('start with an update at once, in one piece, with its id', async () => {
    const reader = live.open(60).body!.getReader()
    expect(await readText(reader)).toBe(`retry: 1000\n\nevent: overview\nid: ${clock.nowMs()}\ndata: {"window":60}\n\n`)
  })

  it('are never cached nor transformed on the way', () => {
    expect(live.open(60).headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(live.open(60).headers.get('x-accel-buffering')).toBe('no')
  })

  it('are rendered once for each window, however many pages watch', async () => {
    const readers = [60, 60, 300].map(windowSec => live.open(windowSec).body!.getReader())
    for (const reader of readers) await reader.read()
    renderedWindows.length = 0
    live.publish()
    expect(renderedWindows).toEqual([60, 300])
    expect(await Promise.all(readers.map(readText))).toEqual([60, 60, 300].map(windowSec => expect.stringContaining(`{"window":${windowSec}}`)))
  })

  it('send a comment when nothing happens for 15 s', async () => {
    const reader = live.open(60).body!.getReader()
    await reader.read()
    clock.advance(15_000)
    expect(await readText(reader)).toBe(': still here\n\n')
    clock.advance(15_000)
    expect(await readText(reader)).toBe(': still here\n\n')
  })

  it('drop a page that does not read, and only that one', async () => {
    const slow = live.open(60)
    const reader = live.open(60).body!.getReader()
    for (let i = 0; i < UNREAD_LIMIT + 1; i++) {
      live.publish()
      await reader.read()
    }
    expect(live.clientCount()).toBe(1)
    const waiting = slow.body!.getReader()
    let unreadCount = 0
    while (!(await waiting.read()).done) unreadCount++
    expect(unreadCount).toBe(UNREAD_LIMIT)
  })

  it('refuse one page more than the limit with HF_CONSOLE_TOO_MANY_CLIENTS, and take one again when another leaves', async () => {
    const first = live.open(60)
    for (let i = 1; i < CLIENT_LIMIT; i++) live.open(60)
    expect(() => live.open(60)).toThrowError(expect.objectContaining({ code: 'HF_CONSOLE_TOO_MANY_CLIENTS' }))
    await first.body!.cancel()
    expect(live.open(60).status).toBe(200)
  })

  it('end when the console stops', async () => {
    const reader = live.open(60).body!.getReader()
    await reader.read()
    await live.stop()
    expect((await reader.read()).done).toBe(true)
    expect(clock.pendingCount).toBe(0)
  })
})
