import { fakeClock } from '@holdfast/testkit'
import { expect, it } from 'vitest'
import type { Overview } from '../../src/index.ts'
import { createLiveStore, type LiveStream, RETRY_FIRST_MS, RETRY_LIMIT_MS, SILENCE_LIMIT_MS } from '../../web/src/live/live-store.ts'
import { settle } from '../support/settle.ts'

interface TestStream extends LiveStream {
  readonly url: string
  closed: boolean
  send(type: 'overview' | 'error', data?: unknown): void
}

function setUp(refusal: () => Promise<string | null> = async () => null) {
  const clock = fakeClock()
  const streams: TestStream[] = []
  const store = createLiveStore({
    openStream(url) {
      const listeners = new Map<string, (event: { data?: unknown }) => void>()
      const stream: TestStream = {
        url,
        closed: false,
        addEventListener: (type, listener) => void listeners.set(type, listener),
        close() {
          stream.closed = true
        },
        send: (type, data) => listeners.get(type)?.({ data: JSON.stringify(data) }),
      }
      streams.push(stream)
      return stream
    },
    askRefusal: refusal,
    nowMs: clock.nowMs,
    after(delayMs, callback) {
      const timer = clock.after(delayMs, callback)
      return timer.cancel
    },
    random: () => 0.5,
  })
  return { clock, streams, store, newest: () => streams.at(-1)! }
}

const overview = { service: 'leads' } as Overview

it('keeps the last overview and the moment it came when the stream breaks', () => {
  const { clock, store, newest } = setUp()
  store.follow('live')
  newest().send('overview', overview)
  const heardMs = clock.nowMs()
  clock.advance(1500)
  newest().send('error')
  expect(store.getState()).toEqual({ overview, connection: { kind: 'lost', sinceMs: heardMs } })
})

it('takes a silent stream for a broken one', () => {
  const { clock, store, newest } = setUp()
  store.follow('live')
  newest().send('overview', overview)
  clock.advance(SILENCE_LIMIT_MS - 1)
  expect(store.getState().connection.kind).toBe('live')
  clock.advance(1)
  expect(store.getState().connection.kind).toBe('lost')
})

it('waits twice as long after each failed try, up to the limit, and says the same since', () => {
  const { clock, streams, store, newest } = setUp()
  store.follow('live')
  newest().send('overview', overview)
  newest().send('error')
  const { connection } = store.getState()
  const waits: number[] = []
  for (let round = 0; round < 7; round++) {
    const opened = streams.length
    let waitedMs = 0
    while (streams.length === opened) {
      clock.advance(RETRY_FIRST_MS)
      waitedMs += RETRY_FIRST_MS
    }
    waits.push(waitedMs)
    newest().send('error')
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 8000, RETRY_LIMIT_MS, RETRY_LIMIT_MS])
  expect(store.getState().connection).toEqual(connection)
})

it('comes back with the next overview and starts again with the short wait', () => {
  const { clock, streams, store, newest } = setUp()
  store.follow('live')
  newest().send('error')
  clock.advance(RETRY_FIRST_MS)
  newest().send('error')
  clock.advance(2 * RETRY_FIRST_MS)
  newest().send('overview', overview)
  expect(store.getState().connection).toEqual({ kind: 'live' })
  newest().send('error')
  const opened = streams.length
  clock.advance(RETRY_FIRST_MS)
  expect(streams.length).toBe(opened + 1)
})

it('stops trying when the console refuses, until it is asked to', async () => {
  const { clock, streams, store, newest } = setUp(async () => 'open the address that was printed')
  store.follow('live')
  newest().send('error')
  await settle()
  expect(store.getState().connection).toEqual({ kind: 'refused', why: 'open the address that was printed' })
  clock.advance(10 * RETRY_LIMIT_MS)
  expect(streams.length).toBe(1)
  store.retryNow()
  expect(streams.length).toBe(2)
})

it('goes on trying when the question whether it is refused finds nobody', async () => {
  const { clock, streams, store, newest } = setUp(() => Promise.reject(new Error('not reachable')))
  store.follow('live')
  newest().send('error')
  await settle()
  clock.advance(RETRY_FIRST_MS)
  expect(streams.length).toBe(2)
})

it('closes the stream of the old window, and hears nothing from it any more', () => {
  const { streams, store } = setUp()
  store.follow('live?window=60')
  store.follow('live?window=300')
  expect(streams.map(stream => stream.closed)).toEqual([true, false])
  streams[0]!.send('overview', overview)
  expect(store.getState().overview).toBeNull()
})

it('leaves nothing running when it is stopped', () => {
  const { clock, store, newest } = setUp()
  store.follow('live')
  newest().send('overview', overview)
  store.stop()
  expect(newest().closed).toBe(true)
  expect(clock.pendingCount).toBe(0)
})
