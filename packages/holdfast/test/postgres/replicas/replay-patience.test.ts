import { describe, expect, it } from 'vitest'
import { ReplayPatience } from '../../../src/postgres/replicas/replay-patience.ts'
import { seededRandom } from '../../cache/seeded-random.ts'

const NEVER = Number.POSITIVE_INFINITY

function after(samples: readonly number[], longestMs = 50): ReplayPatience {
  const patience = new ReplayPatience(longestMs)
  for (const tookMs of samples) patience.noteReplay(tookMs)
  return patience
}

function times(count: number, tookMs: number): number[] {
  return Array.from({ length: count }, () => tookMs)
}

/** For each read that a replica could then answer. The wait that was weighed is without the half on top, an allowance for the next replay. */
function costOfWaiting(window: readonly number[], limitMs: number): number {
  const waitMs = Math.max(...window.filter(ms => ms <= limitMs / 1.5 + 1e-9))
  return window.reduce((sum, ms) => sum + Math.min(ms, waitMs), 0) / window.filter(ms => ms <= waitMs).length
}

function* randomReplays(seed: number): Generator<{ limitMs: number; worthMs: number; window: readonly number[] }> {
  const random = seededRandom(seed)
  const patience = new ReplayPatience(50)
  const replays: number[] = []
  for (let n = 0; n < 100; n++) {
    const tookMs = random() < 0.3 ? NEVER : random() ** 3 * 120
    replays.push(tookMs)
    if (random() < 0.5) patience.notePrimaryRead(random() * 20)
    const { worthMs } = patience
    patience.noteReplay(tookMs)
    if (n >= 4) yield { limitMs: patience.limitMs, worthMs, window: replays.slice(-16) }
  }
}

describe('a wait for replay', () => {
  it('is a tenth of the longest one while little is known', () => {
    expect(after([]).limitMs).toBe(5)
    expect(after([NEVER, NEVER, NEVER]).limitMs).toBe(5)
    expect(after([NEVER, NEVER, NEVER, NEVER]).limitMs).toBe(0)
  })

  it('follows the slowest of quick replays, with half as much again for the next', () => {
    expect(after([1, 2, 3, 4]).limitMs).toBe(6)
    expect(after(times(16, 2)).limitMs).toBe(3)
  })

  it('is as long as the rarer ones take where that is worth it, and else not', () => {
    expect(after([...times(8, 0.5), ...times(8, 4)]).limitMs).toBe(6)
    expect(after([...times(15, 2), 50]).limitMs).toBe(3)
    expect(after([...times(8, 2), ...times(8, 45)]).limitMs).toBe(3)
    expect(after([...times(12, 2), ...times(4, NEVER)]).limitMs).toBe(3)
  })

  it('is given up while a read that a replica takes costs more waiting than it is worth', () => {
    // As with `synchronous_commit = off`: evenly between 0 and 200 ms. The quickest tenth is not worth the wait of the others.
    const random = seededRandom(7)
    const late = Array.from({ length: 200 }, () => 20 + random() * 180)
    const patience = new ReplayPatience(50)
    for (const tookMs of late) {
      patience.noteReplay(tookMs)
      expect(patience.limitMs).toBeLessThanOrEqual(5)
    }
    expect(patience.limitMs).toBe(0)
    expect(after(times(16, 6)).limitMs).toBe(0)
  })

  it('comes back when replay is quick again, within seven measurements', () => {
    const patience = after(times(16, NEVER))
    const needed = Array.from({ length: 16 }, () => {
      patience.noteReplay(2)
      return patience.limitMs
    }).findIndex(limitMs => limitMs > 0)
    expect(needed + 1).toBe(7)
  })

  it('may be as long as the primary takes, for a primary that is slow is one to be spared', () => {
    const patience = after(times(16, 20))
    expect(patience.limitMs).toBe(0)
    for (let n = 0; n < 50; n++) patience.notePrimaryRead(30)
    patience.noteReplay(20)
    expect(patience.limitMs).toBe(30)
    for (let n = 0; n < 50; n++) patience.notePrimaryRead(10_000)
    expect(patience.worthMs).toBe(50)
  })

  it('costs no more for each read on a replica than it is worth, whatever replay does, and never more than the longest', () => {
    for (let seed = 1; seed <= 50; seed++) {
      for (const { limitMs, worthMs, window } of randomReplays(seed)) {
        expect(limitMs).toBeLessThanOrEqual(50)
        if (limitMs > 0) expect(costOfWaiting(window, limitMs)).toBeLessThanOrEqual(worthMs + 1e-9)
      }
    }
  })

  it('is none where none is allowed', () => {
    expect(after([], 0).limitMs).toBe(0)
    expect(after([0, 0, 0, 0, 0], 0).limitMs).toBe(0)
  })
})
