import { describe, expect, it } from 'vitest'
import { mergeWindows, type StatementCounters, type WorkloadMark, windowBetween } from '../../../src/postgres/advisor/workload.ts'

/** Counters as the server would hold them after these execution times. */
function counters(queryId: string, timesMs: readonly number[]): StatementCounters {
  const totalMs = timesMs.reduce((sum, time) => sum + time, 0)
  return { queryId, calls: timesMs.length, totalMs, squaresMs2: timesMs.reduce((sum, time) => sum + time ** 2, 0), rows: timesMs.length }
}

function mark(atMs: number, statements: readonly StatementCounters[], resetAtMs: number | null = 0): WorkloadMark {
  return { atMs, resetAtMs, statements }
}

describe('windowBetween', () => {
  it('gives mean and deviation of exactly the calls between the marks', () => {
    const window = windowBetween(mark(1000, [counters('1', [50, 70, 90])]), mark(3000, [counters('1', [50, 70, 90, 2, 4, 6])]))
    const statement = window.statements.get('1')
    expect(statement).toMatchObject({ calls: 3, totalMs: 12, meanMs: 4 })
    expect(statement?.deviationMs).toBeCloseTo(2, 9)
    expect(statement?.errorMs).toBeCloseTo(2 / Math.sqrt(3), 9)
    expect(window).toMatchObject({ windowMs: 2000, totalCalls: 3, totalMs: 12, reset: false })
  })

  it('leaves out statements without calls in the window', () => {
    const same = counters('1', [1, 2])
    expect(windowBetween(mark(0, [same]), mark(10, [same])).statements.size).toBe(0)
  })

  it('counts from zero after a reset of everything, and says so', () => {
    const window = windowBetween(mark(1000, [counters('1', [5, 5, 5])], 0), mark(3000, [counters('1', [7, 7, 7, 7])], 2000))
    expect(window.reset).toBe(true)
    expect(window.statements.get('1')).toMatchObject({ calls: 4, meanMs: 7 })
  })

  it('names the statements whose own counters fell', () => {
    const since = mark(1000, [counters('1', [5, 5, 5]), counters('2', [1])])
    const window = windowBetween(since, mark(3000, [counters('1', [9]), counters('2', [1, 1])]))
    expect(window.reset).toBe(false)
    expect([...window.fell]).toEqual(['1'])
    expect(window.statements.get('1')).toMatchObject({ calls: 1, meanMs: 9 })
  })

  it('begins at the reset when there is no earlier mark', () => {
    expect(windowBetween(undefined, mark(5000, [counters('1', [3])], 2000))).toMatchObject({ fromMs: 2000, windowMs: 3000, totalCalls: 1 })
  })

  it('survives a trip through JSON', () => {
    const earlier = mark(1000, [counters('1', [50])])
    const later = mark(2000, [counters('1', [50, 60])])
    expect(windowBetween(JSON.parse(JSON.stringify(earlier)), later)).toEqual(windowBetween(earlier, later))
  })
})

describe('mergeWindows', () => {
  it('describes two statements as one that made all their calls', () => {
    const a = windowBetween(undefined, mark(1, [counters('a', [1, 2, 3])])).statements.get('a')!
    const b = windowBetween(undefined, mark(1, [counters('b', [10, 20])])).statements.get('b')!
    const all = windowBetween(undefined, mark(1, [counters('c', [1, 2, 3, 10, 20])])).statements.get('c')!
    const merged = mergeWindows('c', [a, b])!
    expect(merged.deviationMs).toBeCloseTo(all.deviationMs, 9)
    expect(merged).toMatchObject({ calls: all.calls, totalMs: all.totalMs, meanMs: all.meanMs })
    expect(mergeWindows('none', [])).toBeUndefined()
  })
})
