import { describe, expect, it } from 'vitest'
import { FIRST_BATCH_ROWS, LEAST_BATCH_ROWS, nextBatchRows, nextWindowRows, pauseAfter } from '../../../src/postgres/archive/pace.ts'

const pace = { lockLimitMs: 200, mostBatchRows: 5000, share: 0.5 }

describe('the size of batches', () => {
  it('settles where a batch takes a quarter of the lock limit, for any speed of the server', () => {
    for (const msPerRow of [0.005, 0.02, 0.3]) {
      let rows = FIRST_BATCH_ROWS
      for (let i = 0; i < 12; i += 1) rows = nextBatchRows(rows, 1 + rows * msPerRow, pace)
      const tookMs = 1 + rows * msPerRow
      if (rows < pace.mostBatchRows) expect(tookMs).toBeGreaterThan(45)
      expect(tookMs).toBeLessThan(56)
    }
  })

  it('never leaves its bounds, and never jumps', () => {
    expect(nextBatchRows(5000, 0, pace)).toBe(5000)
    expect(nextBatchRows(LEAST_BATCH_ROWS, 10_000, pace)).toBe(LEAST_BATCH_ROWS)
    expect(nextBatchRows(100, 0.001, pace)).toBe(200)
    expect(nextBatchRows(100, 100_000, pace)).toBe(50)
  })
})

describe('the window', () => {
  it('grows while nothing matches, and follows the share that does', () => {
    expect(nextWindowRows(100, 0, 100)).toBe(400)
    expect(nextWindowRows(1000, 100, 500)).toBe(5500)
    expect(nextWindowRows(500, 500, 500)).toBe(550)
    expect(nextWindowRows(50_000, 0, 500)).toBe(50_000)
    // Never below a batch.
    expect(nextWindowRows(4000, 4000, 100)).toBe(111)
  })
})

it('leaves the rest of the time to others', () => {
  expect(pauseAfter(40, pace)).toBe(40)
  expect(pauseAfter(40, { ...pace, share: 1 })).toBe(0)
  expect(pauseAfter(40, { ...pace, share: 0.1 })).toBeCloseTo(360)
})
