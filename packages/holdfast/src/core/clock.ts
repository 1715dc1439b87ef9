/** A pending timer. `cancel` is idempotent. */
export interface ClockTimer {
  cancel(): void
}

/** The only source of time. Everything that waits or stamps takes one, so that tests move time instead of sleeping. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. May jump; use it for stamps, never for durations. */
  nowMs(): number
  /** Time in milliseconds, with fraction, that never goes back. The origin is arbitrary. */
  monotonicMs(): number
  /** Runs `callback` once after `delayMs`. Does not keep the process alive unless `keepAlive` is true. */
  after(delayMs: number, callback: () => void, keepAlive?: boolean): ClockTimer
}

/** Bound once: the global is an accessor, and looking it up for each call costs a fifth of the call. Time is read on every cache hit. */
const monotonicMs: () => number = performance.now.bind(performance)

/** The real clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs,
  after(delayMs, callback, keepAlive = false) {
    const timer = setTimeout(callback, delayMs)
    // Outside of node a timer is a number, and keeps nothing alive.
    if (!keepAlive && typeof timer === 'object') timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}

/** Resolves after `delayMs` on `clock`, or rejects with the signal's reason when it is aborted first. Keeps the process alive. */
export function delay(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.after(
      delayMs,
      () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      },
      true,
    )
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
