import type { Clock } from 'holdfast/core'
import { consoleErrors } from '../errors.ts'

/** Bounds of one piece of work. */
export interface WorkLimit {
  readonly clock: Clock
  readonly limitMs: number
  /** Aborted when nobody wants the result any more. */
  readonly stop: AbortSignal
}

/** The result of `start`, or a rejection when it takes too long or is stopped. The work's own signal is aborted then; work that ignores it goes on unheard.
 *  @throws HF_CONSOLE_SOURCE after `limitMs`, or when `stop` is aborted. */
export function withinLimit<T>(start: (signal: AbortSignal) => Promise<T>, { clock, limitMs, stop }: WorkLimit): Promise<T> {
  const controller = new AbortController()
  return new Promise((resolve, reject) => {
    const giveUp = (why: string): void => {
      const problem = consoleErrors.create('HF_CONSOLE_SOURCE', why)
      reject(problem)
      controller.abort(problem)
      release()
    }
    const onStop = (): void => giveUp('the console stopped')
    const timer = clock.after(limitMs, () => giveUp(`no answer within ${limitMs} ms`))
    const release = (): void => {
      timer.cancel()
      stop.removeEventListener('abort', onStop)
    }
    stop.addEventListener('abort', onStop, { once: true })
    if (stop.aborted) onStop()
    // Work that throws instead of rejecting is failed work like any other.
    Promise.resolve()
      .then(() => start(controller.signal))
      .then(resolve, reject)
      .finally(release)
  })
}
