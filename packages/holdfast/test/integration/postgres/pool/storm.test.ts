import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { type Clock, systemClock } from 'holdfast/core'
import { createPool } from 'holdfast/postgres'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts'

/** Of a hundred connects each. More by hand. */
const STORMS = Number(process.env.HOLDFAST_TEST_STORMS ?? 10)

let database: ClonedDatabase
let proxy: TcpProxy

beforeAll(async () => {
  database = await cloneDatabase({ name: 'storm' })
  proxy = await startTcpProxy(database.url)
})
afterAll(async () => {
  await proxy.close()
  await database.drop()
})

it('leaves no socket and no timer after storms of a hundred connects, lost, hung and timed out ones among them', {
  timeout: STORMS * 10_000,
}, async () => {
  const socketCount = (): number => process.getActiveResourcesInfo().filter(kind => kind === 'TCPSocketWrap').length
  const before = socketCount()
  const counted = countingClock()
  for (let round = 0; round < STORMS; round++) {
    const isHung = round % 3 === 2
    const limits = isHung ? ({ connectTimeout: '40ms', acquireTimeout: '100ms' } as const) : {}
    const sizing = round % 2 === 0 ? 'fixed' : 'measured'
    const settings = { connectionString: proxy.url, max: 8, growAfter: '0ms', connectsAtOnce: 8, sizing, ...limits } as const
    const pool = createPool(pg, settings, { clock: counted.clock })
    proxy.mode = isHung ? 'swallow' : 'pass'
    const storm = Array.from({ length: 100 }, async (_, n) => {
      const client = await pool.connect()
      client.release(n % 4 === 0)
    })
    const outcomes = await Promise.allSettled(storm)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason.code).toMatch(/^HF_PG_(ACQUIRE_TIMEOUT|CONNECT_FAILED)$/)
    }
    expect(outcomes.some(({ status }) => status === 'fulfilled')).toBe(proxy.mode === 'pass')
    await pool.end()
  }
  // The far ends close a moment later; a socket that leaked never does, and the test runs into its time-out.
  while (proxy.openCount > 0 || socketCount() > before) await new Promise(setImmediate)
  expect(counted.pendingCount()).toBe(0)
})

/** The real clock; it knows how many of its timers wait, those that would not keep the process alive among them. */
function countingClock(): { clock: Clock; pendingCount(): number } {
  const pending = new Set<object>()
  const after: Clock['after'] = (delayMs, callback, keepAlive) => {
    const key = {}
    pending.add(key)
    const fire = (): void => {
      pending.delete(key)
      callback()
    }
    const timer = systemClock.after(delayMs, fire, keepAlive)
    return {
      cancel() {
        pending.delete(key)
        timer.cancel()
      },
    }
  }
  return { clock: { ...systemClock, after }, pendingCount: () => pending.size }
}
