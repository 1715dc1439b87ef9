import type { Clock } from 'holdfast/core'

/** Timers are exact to a millisecond or so; what is nearer than this is waited for in naps. */
const TIMER_REACH_MS = 2.2
/** How much earlier than due a timer is set. */
const TIMER_LEAD_MS = 1.2
/** Length of a nap. Between naps the event loop runs, so an answer is stamped at most this late, plus what the kernel adds. At 600/s naps send 0.07 ms
 *  late in the median for a tenth of a core; timers alone 0.6 ms; spinning takes all it can get of a core, which the target would lack on a small
 *  machine, and is then scheduled away when it matters. @source bench/results/load/what-does-pacing-cost.json */
const NAP_MS = 0.1
/** Nearer than this a nap would overshoot. */
const NAP_REACH_MS = 0.03

/** Waits for points in time closer than a timer can. One wait at a time. */
export interface Pacer {
  /** Calls `wake` near `dueMs` on the monotonic clock, often a little early: look at the clock and wait again. */
  waitUntil(dueMs: number, wake: () => void): void
  cancel(): void
}

/** A pacer on the calling thread. It blocks the thread for up to 0.1 ms at a time, so give it a thread of its own. */
export function createPacer(clock: Clock): Pacer {
  const neverNotified = new Int32Array(new SharedArrayBuffer(4))
  let timer: NodeJS.Timeout | undefined
  let immediate: NodeJS.Immediate | undefined
  return {
    waitUntil(dueMs, wake) {
      const leftMs = dueMs - clock.monotonicMs()
      if (leftMs >= TIMER_REACH_MS) {
        timer = setTimeout(wake, Math.min(1000, Math.floor(leftMs - TIMER_LEAD_MS)))
        return
      }
      if (leftMs > NAP_REACH_MS) Atomics.wait(neverNotified, 0, 0, Math.min(NAP_MS, leftMs))
      immediate = setImmediate(wake)
    },
    cancel() {
      clearTimeout(timer)
      clearImmediate(immediate)
    },
  }
}
