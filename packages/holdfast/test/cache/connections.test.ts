import { describe, expect, it } from 'vitest'
import { reconnectPauseMs } from '../../src/cache/redis/connections.ts'

/** Pauses of one outage, with the moment each begins. */
function pausesOf(outageMs: number, random: number): { atMs: number; pauseMs: number }[] {
  const pauses: { atMs: number; pauseMs: number }[] = []
  for (let atMs = 0, attempt = 1; atMs < outageMs; attempt++) {
    const pauseMs = reconnectPauseMs(attempt, random)
    pauses.push({ atMs, pauseMs })
    atMs += pauseMs
  }
  return pauses
}

describe('the pauses between reconnects', () => {
  it.each([0, 0.5, 1])('leave a Redis that returns within 3 s unnoticed for at most 250 ms, with jitter %d', random => {
    for (const { pauseMs } of pausesOf(3000, random)) expect(pauseMs).toBeLessThanOrEqual(250)
  })

  it('grow to a second in a long outage', () => {
    const { pauseMs } = pausesOf(60_000, 0.5).at(-1)!
    expect(pauseMs).toBe(1000)
    expect(reconnectPauseMs(1_000_000, 0.5)).toBe(1000)
  })

  it('spread processes that lost Redis at the same moment', () => {
    expect(reconnectPauseMs(10, 0)).toBe(150)
    expect(reconnectPauseMs(10, 0.999)).toBeGreaterThan(249)
  })
})
