import type { Clock, ClockTimer } from 'holdfast/core'

/** A clock that moves only when told to. */
export interface FakeClock extends Clock {
  /** Moves time forward and fires what falls due, in order of time. */
  advance(ms: number): void
  /** Moves wall-clock time alone, as an operator or NTP does. */
  skew(ms: number): void
  /** Timers waiting. */
  readonly pendingCount: number
}

/** A clock at `startMs` (wall clock; default 2026-01-01). */
export function fakeClock(startMs: number = Date.UTC(2026, 0, 1)): FakeClock {
  let elapsedMs = 0
  let skewMs = 0
  let nextId = 0
  const pending = new Map<number, { dueMs: number; id: number; callback: () => void }>()

  const due = (untilMs: number): { dueMs: number; id: number; callback: () => void } | undefined =>
    [...pending.values()].filter(timer => timer.dueMs <= untilMs).sort((a, b) => a.dueMs - b.dueMs || a.id - b.id)[0]

  return {
    nowMs: () => startMs + elapsedMs + skewMs,
    monotonicMs: () => elapsedMs,
    after(delayMs, callback): ClockTimer {
      const id = nextId++
      pending.set(id, { dueMs: elapsedMs + Math.max(0, delayMs), id, callback })
      return { cancel: () => void pending.delete(id) }
    },
    advance(ms) {
      const untilMs = elapsedMs + ms
      for (let timer = due(untilMs); timer !== undefined; timer = due(untilMs)) {
        pending.delete(timer.id)
        elapsedMs = Math.max(elapsedMs, timer.dueMs)
        timer.callback()
      }
      elapsedMs = untilMs
    },
    skew(ms) {
      skewMs += ms
    },
    get pendingCount() {
      return pending.size
    },
  }
}
