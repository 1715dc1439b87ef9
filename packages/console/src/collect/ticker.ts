import { type Clock, type ClockTimer, createLifecycle, type Lifecycle } from 'holdfast/core'

/** Options of {@link createTicker}. */
export interface TickerOptions {
  /** Appears in error messages. */
  readonly name: string
  readonly clock: Clock
  readonly everyMs: number
  readonly work: (stop: AbortSignal) => Promise<void>
  readonly onProblem: (problem: unknown) => void
}

/** Runs `work` at once and then every `everyMs`, never two at a time: a run that takes longer skips the beats it missed. `work`
 *  must end soon after its signal is aborted, which happens at the stop. A run that rejects is told to `onProblem`; the next one comes all the same,
 *  for an unhandled rejection would end the process of the user. */
export function createTicker(options: TickerOptions): Lifecycle {
  const { name, clock, everyMs, work, onProblem } = options
  let timer: ClockTimer | undefined
  let running: Promise<void> = Promise.resolve()
  const stopping = new AbortController()

  const beat = (dueMs: number): void => {
    running = work(stopping.signal)
      .catch(onProblem)
      .then(() => {
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
