import { fakeClock } from '@holdfast/testkit'
import { createHistogram, histogramQuantile } from 'holdfast/telemetry'
import { describe, expect, it } from 'vitest'
import { adviseOnPool, summarisePool } from '../../../src/postgres/pool/pool-advice.ts'
import { PoolMeter, type PoolPeriod } from '../../../src/postgres/pool/pool-meter.ts'
import { PoolSizer } from '../../../src/postgres/pool/pool-sizer.ts'
import { seededRandom } from '../../cache/seeded-random.ts'

interface Picture {
  readonly checkouts?: number
  readonly waitMs?: number
  /** Of `max`. */
  readonly busy?: number
  readonly running?: number
  readonly peak?: number
  readonly max?: number
}

function period({ checkouts = 1000, waitMs = 0, busy = 0.5, running = 0.9, peak = 10, max = 10 }: Picture): PoolPeriod {
  const waits = createHistogram()
  for (let n = 0; n < 100; n++) waits.record(waitMs / 1000)
  const usedMs = busy * max * 1000
  return { lengthMs: 1000, checkoutCount: checkouts, waits: waits.snapshot(), usedMs, ranMs: running * usedMs, peakUsed: peak }
}

const verdictOf = (picture: Picture): string => adviseOnPool(summarisePool([period(picture)], picture.max ?? 10)).verdict

describe('the meter', () => {
  it('measures how much of the pool was out over time, and misses no peak between two readings', () => {
    const clock = fakeClock()
    const meter = new PoolMeter(clock)
    meter.noteAcquired(3, clock.monotonicMs())
    clock.advance(100)
    meter.noteAcquired(5, clock.monotonicMs())
    clock.advance(100)
    meter.noteReturned(80, clock.monotonicMs())
    clock.advance(800)
    expect(meter.peek()).toMatchObject({ lengthMs: 1000, checkoutCount: 2, usedMs: 1100, ranMs: 80, peakUsed: 2 })
    expect(meter.read().waits).toMatchObject({ count: 2, min: 0.003, max: 0.005 })
    clock.advance(10)
    expect(meter.peek()).toMatchObject({ lengthMs: 10, checkoutCount: 0, usedMs: 10, peakUsed: 1 })
  })
})

it('counts a caller who found an idle connection as one that waited for nothing, in each period once', () => {
  const meter = new PoolMeter(fakeClock())
  for (let n = 0; n < 3; n++) meter.noteAcquired(0, 0)
  meter.noteAcquired(8, 0)
  expect(meter.read().waits).toMatchObject({ count: 4, sum: 0.008 })
  meter.noteAcquired(0, 0)
  const { waits } = meter.peek()
  expect([waits.count, histogramQuantile(waits, 0.5)! < 1e-8]).toEqual([1, true])
  expect(meter.waits.snapshot()).toMatchObject({ count: 5, min: 0, max: 0.008 })
})

describe('the advice', () => {
  it('tells a pool that is too small from connections that are held for nothing, and both from bursts', () => {
    expect(verdictOf({ waitMs: 40, busy: 0.98 })).toBe('too-small')
    expect(verdictOf({ waitMs: 40, busy: 0.98, running: 0.2 })).toBe('held-idle')
    expect(verdictOf({ waitMs: 40, busy: 0.3 })).toBe('bursts')
    expect(verdictOf({ waitMs: 1, busy: 0.3, peak: 3 })).toBe('too-large')
    expect(verdictOf({ waitMs: 1, busy: 0.6, peak: 8 })).toBe('fine')
    expect(verdictOf({ waitMs: 1, busy: 0.1, peak: 1, max: 2 })).toBe('fine')
    expect(verdictOf({ checkouts: 99, waitMs: 500, busy: 1 })).toBe('unknown')
  })

  it('shows the numbers that it rests on', () => {
    const advice = adviseOnPool(summarisePool([period({ waitMs: 40, busy: 1 }), period({ waitMs: 40, busy: 0.9 })], 10))
    expect(advice).toMatchObject({
      suggestedMax: 15,
      facts: { windowMs: 2000, checkoutCount: 2000, busyShare: 0.95, runningShare: 0.9, peakUsed: 10 },
    })
    expect(advice.why).toMatch(
      /^a caller in twenty waited (39|40)\.\d ms or longer, with 95 % of 10 connections in use and PostgreSQL at work for 90 % of that$/,
    )
  })
})

/** Work done in a second by so many connections: rises, bends and falls again, as the universal scalability law has it. The best is `knee`. */
function throughput(size: number, knee: number): number {
  const contention = 1 / knee ** 2
  return (400 * size) / (1 + 0.02 * (size - 1) + contention * size * (size - 1))
}

describe('a size that is measured', () => {
  /** A period of a server on which more is asked for than it can do. */
  const overloaded = (size: number, knee: number, noise: number): PoolPeriod =>
    period({ checkouts: Math.round(throughput(size, knee) * noise), waitMs: 100, busy: 1, peak: size, max: size })

  it('comes to rest where more connections do no more work, from any start, and stays there', () => {
    for (const [seed, knee] of [5, 8, 12, 20].entries()) {
      const random = seededRandom(seed)
      const sizer = new PoolSizer({ min: 2, max: 90, waitMs: 10 }, 2)
      let changes = 0
      for (let n = 0; n < 2000; n++) {
        const before = sizer.limit
        sizer.step(overloaded(before, knee, 0.98 + random() * 0.04))
        if (n >= 1000 && sizer.limit !== before) changes++
      }
      const best = Math.max(...Array.from({ length: 90 }, (_, at) => throughput(at + 1, knee)))
      expect(throughput(sizer.limit, knee) / best).toBeGreaterThan(0.85)
      // Two for each try, and tries are ever rarer.
      expect(changes).toBeLessThanOrEqual(6)
    }
  })

  it('goes to the largest size allowed where each connection does its part, and no further', () => {
    const sizer = new PoolSizer({ min: 2, max: 24, waitMs: 10 }, 2)
    for (let n = 0; n < 100; n++) sizer.step(period({ checkouts: 100 * sizer.limit, waitMs: 100, busy: 1, peak: sizer.limit, max: sizer.limit }))
    expect(sizer.limit).toBe(24)
  })

  it('does nothing for waits while connections are free, nor without waits', () => {
    const sizer = new PoolSizer({ min: 2, max: 24, waitMs: 10 }, 4)
    for (let n = 0; n < 20; n++) sizer.step(period({ waitMs: 100, busy: 0.5, peak: 4, max: 4 }))
    for (let n = 0; n < 20; n++) sizer.step(period({ waitMs: 1, busy: 1, peak: 4, max: 4 }))
    expect(sizer.limit).toBe(4)
  })

  it('gives up after half a minute of quiet what was not used, not below the least, and keeps what is', () => {
    const sizer = new PoolSizer({ min: 2, max: 24, waitMs: 10 }, 20)
    for (let n = 0; n < 29; n++) sizer.step(period({ peak: 6, busy: 0.1 }))
    expect(sizer.limit).toBe(20)
    sizer.step(period({ peak: 6, busy: 0.1 }))
    expect(sizer.limit).toBe(8)
    for (let n = 0; n < 200; n++) sizer.step(period({ peak: 6, busy: 0.1 }))
    expect(sizer.limit).toBe(8)
    for (let n = 0; n < 70; n++) sizer.step(period({ peak: 0, checkouts: 0, busy: 0 }))
    expect(sizer.limit).toBe(2)
  })
})
