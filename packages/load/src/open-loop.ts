import type { Clock } from 'holdfast/core'
import type { Arrivals } from './arrivals.ts'
import type { Connection } from './connection.ts'
import type { Connections } from './connections.ts'
import type { Flow } from './flow.ts'
import { createPacer } from './pacer.ts'

/** Hears what happens, as it happens. Called on the hot path: count and return. */
export interface LoopListener {
  /** `driftMs`: how much later than intended. `waited`: because every connection was busy. */
  sent(driftMs: number, waited: boolean, inFlightCount: number): void
  /** Read the connection now: it is used again afterwards. */
  ended(connection: Connection): void
  /** Never sent: as many as may wait were waiting already, or it waited for longer than a request may take. */
  dropped(): void
  /** Now and then, at least ten times a second while the loop runs. */
  looked(nowMs: number): void
}

/** What a loop works with. */
export interface LoopParts {
  readonly arrivals: Arrivals
  readonly flow: Flow
  readonly connections: Connections
  readonly timeoutMs: number
  /** How many requests may wait for a connection. */
  readonly waitingLimit: number
  readonly clock: Clock
  readonly listener: LoopListener
  readonly signal?: AbortSignal | undefined
}

/** Sends every arrival at its intended time, whether or not earlier ones were answered, and resolves when all have ended. An arrival that finds every
 *  connection busy keeps its intended time and waits; its drift grows, which tells on the generator.
 *  Rejects with the signal's reason when it is aborted; the connections are then the caller's to destroy. */
export function runOpenLoop(parts: LoopParts): Promise<void> {
  const { arrivals, flow, connections, timeoutMs, waitingLimit, clock, listener, signal } = parts
  return new Promise((resolve, reject) => {
    const pacer = createPacer(clock)
    const waiting = new DueQueue(waitingLimit)
    const startMs = clock.monotonicMs()
    let nextDueMs = startMs + arrivals.next()

    const release = (): void => {
      pacer.cancel()
      clearInterval(sweeper)
      signal?.removeEventListener('abort', onAbort)
      connections.onEnded = () => {}
    }
    const onAbort = (): void => {
      release()
      reject(signal?.reason)
    }
    const send = (connection: Connection, dueMs: number, waited: boolean): void => {
      connection.send(flow.next(), dueMs)
      listener.sent(connection.sentMs - dueMs, waited, connections.busyCount)
    }
    const arrive = (dueMs: number): void => {
      const connection = connections.take()
      if (connection !== undefined) send(connection, dueMs, false)
      else if (!waiting.push(dueMs)) listener.dropped()
    }
    const finishIfDone = (): void => {
      if (nextDueMs === Number.POSITIVE_INFINITY && waiting.length === 0 && connections.busyCount === 0) {
        release()
        resolve()
      }
    }
    const look = (): void => {
      let nowMs = clock.monotonicMs()
      listener.looked(nowMs)
      while (nextDueMs <= nowMs) {
        arrive(nextDueMs)
        nextDueMs = startMs + arrivals.next()
        nowMs = clock.monotonicMs()
      }
      if (nextDueMs !== Number.POSITIVE_INFINITY) pacer.waitUntil(nextDueMs, look)
      else finishIfDone()
    }
    const sweep = (): void => {
      const nowMs = clock.monotonicMs()
      while (waiting.length > 0 && waiting.first <= nowMs - timeoutMs) {
        waiting.shift()
        listener.dropped()
      }
      connections.giveUpBefore(nowMs - timeoutMs)
      listener.looked(nowMs)
      finishIfDone()
    }
    connections.onEnded = connection => {
      listener.ended(connection)
      if (waiting.length > 0) {
        const free = connections.take()
        if (free !== undefined) send(free, waiting.shift(), true)
      }
      finishIfDone()
    }
    // A fiftieth of the time-out is as exact as anybody needs it.
    const sweeper = setInterval(sweep, Math.min(100, Math.max(5, timeoutMs / 50)))
    if (signal?.aborted) return onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    look()
  })
}

/** Intended times of those that wait, first in first out, in a ring that is made once. */
class DueQueue {
  readonly #ring: Float64Array
  #head = 0
  #length = 0

  constructor(limit: number) {
    this.#ring = new Float64Array(limit)
  }

  get length(): number {
    return this.#length
  }

  get first(): number {
    return this.#ring[this.#head]!
  }

  /** False when it is full. */
  push(dueMs: number): boolean {
    if (this.#length === this.#ring.length) return false
    this.#ring[(this.#head + this.#length) % this.#ring.length] = dueMs
    this.#length++
    return true
  }

  shift(): number {
    const dueMs = this.first
    this.#head = (this.#head + 1) % this.#ring.length
    this.#length--
    return dueMs
  }
}
