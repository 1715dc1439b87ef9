import type { Clock } from '../core/index.ts'
import type { NewPurge, PurgeQueue } from './queue/purge-queue.ts'

/** What the intake needs. */
export interface PurgeIntakeDeps {
  readonly queue: PurgeQueue
  readonly clock: Clock
  readonly collectMs: number
  /** Resolves when the queue can be used. */
  readonly opened: () => Promise<void>
  onEvent(provider: string, event: 'queued' | 'merged' | 'unsaved', count: number): void
  onAdded(): void
}

/** Longest wait for the queue before a purge counts as noted only. A caller that invalidates waits for it. */
const ADD_LIMIT_MS = 2000
/** Purges kept in this process while the queue cannot be had; beyond them everything is purged instead. */
const UNSAVED_LIMIT = 10_000
/** Subjects remembered as waiting; beyond them they are written twice. */
const COVERED_LIMIT = 20_000
/** Clocks of two machines run at rates that differ by less than this in a second. */
const CLOCK_MARGIN_MS = 20

interface Covered {
  readonly untilMs: number
  readonly saved: Promise<boolean>
}

/** Writes purges down: what comes while a write is under way goes out with the next one, and what waits already is not written again. */
export class PurgeIntake {
  readonly #deps: PurgeIntakeDeps
  readonly #unsaved = new Map<string, NewPurge>()
  readonly #covered = new Map<string, Covered>()
  #batch: NewPurge[] = []
  #nextWrite: Promise<boolean> | undefined
  #lastWrite: Promise<unknown> = Promise.resolve()

  constructor(deps: PurgeIntakeDeps) {
    this.#deps = deps
  }

  get unsavedCount(): number {
    return this.#unsaved.size
  }

  /** True when all of them are where they outlive this process; false when some are only noted here. Never rejects. */
  async add(purges: readonly NewPurge[]): Promise<boolean> {
    const results = await Promise.all(purges.map(purge => this.#addOne(purge)))
    return results.every(Boolean)
  }

  /** Writes down what could not be. Never rejects. */
  async flush(): Promise<void> {
    if (this.#unsaved.size === 0) return
    const waiting = [...this.#unsaved]
    if (!(await this.#store(waiting.map(([, purge]) => purge)))) return
    for (const [key, purge] of waiting) if (this.#unsaved.get(key) === purge) this.#unsaved.delete(key)
  }

  #addOne(purge: NewPurge): Promise<boolean> {
    const { clock, collectMs, onEvent } = this.#deps
    const key = keyOf(purge)
    const nowMs = clock.monotonicMs()
    const covered = this.#covered.get(key)
    if (covered !== undefined && nowMs < covered.untilMs) {
      onEvent(purge.provider, 'merged', 1)
      return covered.saved
    }
    this.#batch.push(purge)
    this.#nextWrite ??= this.#lastWrite.then(() => this.#writeBatch())
    const saved = this.#nextWrite
    this.#remember(key, { untilMs: nowMs + collectMs / 2 - CLOCK_MARGIN_MS, saved }, nowMs)
    return saved
  }

  /** Nobody takes a purge before half of the time of collection is over, which begins when it is written, so until then it stands for later ones too. */
  #remember(key: string, covered: Covered, nowMs: number): void {
    if (this.#covered.size >= COVERED_LIMIT) for (const [other, { untilMs }] of this.#covered) if (untilMs <= nowMs) this.#covered.delete(other)
    if (this.#covered.size < COVERED_LIMIT) this.#covered.set(key, covered)
    void covered.saved.then(isSaved => {
      if (!isSaved && this.#covered.get(key) === covered) this.#covered.delete(key)
    })
  }

  async #writeBatch(): Promise<boolean> {
    const batch = this.#batch
    this.#batch = []
    this.#nextWrite = undefined
    const write = this.#write(batch)
    this.#lastWrite = write
    return write
  }

  async #write(batch: readonly NewPurge[]): Promise<boolean> {
    if (await this.#store(batch)) return true
    for (const purge of batch) {
      this.#deps.onEvent(purge.provider, 'unsaved', 1)
      this.#unsaved.set(keyOf(purge), purge)
    }
    if (this.#unsaved.size > UNSAVED_LIMIT) {
      const providers = new Set([...this.#unsaved.values()].map(({ provider }) => provider))
      this.#unsaved.clear()
      for (const provider of providers) this.#unsaved.set(`${provider} all`, { provider, lane: 'all', subject: '' })
    }
    return false
  }

  async #store(batch: readonly NewPurge[]): Promise<boolean> {
    const { queue, clock, collectMs, opened, onEvent, onAdded } = this.#deps
    const isStored = await within(
      clock,
      opened().then(() => queue.add(batch, collectMs)),
    )
    if (!isStored) return false
    for (const { provider } of batch) onEvent(provider, 'queued', 1)
    onAdded()
    return true
  }
}

function keyOf({ provider, lane, subject }: NewPurge): string {
  return `${provider} ${lane} ${subject}`
}

/** Whether `work` was done within the limit. What comes of it later does no harm: a purge more. */
function within(clock: Clock, work: Promise<unknown>): Promise<boolean> {
  return new Promise(resolve => {
    const timer = clock.after(ADD_LIMIT_MS, () => resolve(false), true)
    const settle = (isDone: boolean) => (): void => {
      timer.cancel()
      resolve(isDone)
    }
    work.then(settle(true), settle(false))
  })
}
