import { type Clock, type ClockTimer, createLifecycle, type Lifecycle } from 'holdfast/core'

/** Runs `work` at once and then every `everyMs`, never two at a time: a run that takes longer skips the beats it missed. `work` must not reject,
 *  and must end soon after its signal is aborted, which happens at the stop. */
export function createTicker(options: { name: string; clock: Clock; everyMs: number; work: (stop: AbortSignal) => Promise<void> }): Lifecycle {
  const { name, clock, everyMs, work } = options
  let timer: ClockTimer | undefined
  let running: Promise<void> = Promise.resolve()
  const stopping = new AbortController()

  const beat = (dueMs: number): void => {
    running = work(stopping.signal).then(() => {
      if (stopping.signal.aborted) return
      const nowMs = clock.monotonicMs()
      const missed = Math.max(0, Math.ceil((nowMs - dueMs) / everyMs - 1))
      const nextMs = dueMs + (missed + 1) * everyMs
      timer = clock.after(Math.max(0, nextMs - nowMs), () => beat(nextMs))
    })
  }

  return createLifecycle({
    name,
    clock,
    start: async () => beat(clock.monotonicMs()),
    stop: async () => {
      stopping.abort()
      timer?.cancel()
      await running
    },
  })
}
