import type { Clock, ClockTimer } from '../../core/index.ts'
import type { NextDue } from '../../core/schedule.ts'

/** Something that is due by the clock. */
export interface DueTask {
  readonly next: NextDue
  /** A moment that was missed before the start, which is then due at once. */
  readonly missedAtMs?: number
  /** Does it. `'later'`: another process has it in hand, which may die over it, so it is asked again. Must not reject. */
  run(dueAtMs: number): Promise<'over' | 'later'>
  /** It was due while it was still being done. */
  onOverlap?(dueAtMs: number): void
}

/** A wall clock that jumps is noticed within this. */
const LONGEST_SLEEP_MS = 60_000
/** Pause before it is asked again whether another process that had it in hand is done with it. */
const ASK_AGAIN_MS = 5000

/** Runs each task when it is due, on wall-clock time, until the returned function is called, which waits for nothing. */
export function startDueTimer(clock: Clock, tasks: readonly DueTask[]): () => void {
  const running = tasks.map(task => new DueRun(clock, task))
  for (const run of running) run.start()
  return () => {
    for (const run of running) run.stop()
  }
}

class DueRun {
  readonly #clock: Clock
  readonly #task: DueTask
  #timer: ClockTimer | undefined
  #again: ClockTimer | undefined
  #isBusy = false
  #isStopped = false

  constructor(clock: Clock, task: DueTask) {
    this.#clock = clock
    this.#task = task
  }

  start(): void {
    const { missedAtMs } = this.#task
    if (missedAtMs !== undefined) void this.#run(missedAtMs)
    this.#arm(this.#clock.nowMs())
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#again?.cancel()
  }

  #arm(afterMs: number): void {
    const dueAtMs = this.#task.next(afterMs)
    if (dueAtMs === undefined || this.#isStopped) return
    const sleep = (): void => {
      this.#timer = this.#clock.after(Math.min(Math.max(0, dueAtMs - this.#clock.nowMs()), LONGEST_SLEEP_MS), () => {
        if (this.#clock.nowMs() < dueAtMs) return sleep()
        this.#arm(this.#clock.nowMs())
        if (this.#isBusy) this.#task.onOverlap?.(dueAtMs)
        else void this.#run(dueAtMs)
      })
    }
    sleep()
  }

  async #run(dueAtMs: number): Promise<void> {
    this.#again?.cancel()
    this.#isBusy = true
    const outcome = await this.#task.run(dueAtMs)
    this.#isBusy = false
    if (outcome === 'later' && !this.#isStopped) this.#again = this.#clock.after(ASK_AGAIN_MS, () => void this.#run(dueAtMs))
  }
}
