import { type Clock, systemClock } from './clock.ts'
import { coreErrors } from './errors.ts'

/** The one start and stop contract. Both are idempotent: a second call returns the first one's promise. Stopping an instance that never
 *  started is allowed; starting a stopped one is not. */
export interface Lifecycle extends AsyncDisposable {
  /** @throws HF_BUG_LIFECYCLE when it was stopped before. */
  start(): Promise<void>
  /** Resolves when everything is released, at the latest after the stop limit. Never rejects. */
  stop(): Promise<void>
}

/** What a component does at its two ends. */
export interface LifecycleSteps {
  /** Appears in error messages. */
  readonly name: string
  start?(): Promise<void>
  /** Must release everything, also after a start that failed half-way. */
  stop?(): Promise<void>
  /** How long `stop` may take before it is abandoned. Default 5,000 ms. */
  readonly stopLimitMs?: number
  readonly clock?: Clock
  /** Hears of a stop that failed or was abandoned. Default: ignored, for nobody can act on it. */
  onStopProblem?(problem: unknown): void
}

/** Wraps two steps into the contract. */
export function createLifecycle(steps: LifecycleSteps): Lifecycle {
  let starting: Promise<void> | undefined
  let stopping: Promise<void> | undefined

  const start = (): Promise<void> => {
    if (stopping !== undefined) return Promise.reject(coreErrors.create('HF_BUG_LIFECYCLE', `${steps.name} was started after it was stopped`))
    starting ??= Promise.resolve(steps.start?.())
    return starting
  }

  const runStop = async (): Promise<void> => {
    // A stop during a start waits for it: releasing what is still being made would leak what comes after.
    await starting?.catch(() => undefined)
    await steps.stop?.()
  }

  const stop = (): Promise<void> => {
    stopping ??= withinLimit(runStop(), steps)
    return stopping
  }

  return { start, stop, [Symbol.asyncDispose]: stop }
}

function withinLimit(work: Promise<void>, steps: LifecycleSteps): Promise<void> {
  const { clock = systemClock, stopLimitMs = 5000, name } = steps
  return new Promise(resolve => {
    const timer = clock.after(
      stopLimitMs,
      () => {
        steps.onStopProblem?.(coreErrors.create('HF_BUG_LIFECYCLE', `${name} did not stop within ${stopLimitMs} ms and was abandoned`))
        resolve()
      },
      true,
    )
    work
      .catch(problem => steps.onStopProblem?.(problem))
      .finally(() => {
        timer.cancel()
        resolve()
      })
  })
}
