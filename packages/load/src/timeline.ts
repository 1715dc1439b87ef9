import { createHistogram, type Histogram } from 'holdfast/telemetry'
import { quantileMs } from './latency-summary.ts'
import type { LoadProgress, LoadTimeline } from './result.ts'

/** Most entries of a timeline; a run longer than this many seconds gets longer intervals. */
const ENTRY_LIMIT = 3600

/** Collects the run over time. Memory is bounded by 3,600 entries, however long the run is. */
export class Timeline {
  readonly #intervalSeconds: number
  readonly #rows: { -readonly [K in keyof Omit<LoadTimeline, 'intervalSeconds'>]: LoadTimeline[K][number][] }
  readonly #second = new Tally()
  readonly #interval: Tally
  #secondStartMs = 0
  #intervalStartMs = 0
  #sentCount = 0
  #doneCount = 0

  constructor(expectedSeconds: number) {
    this.#intervalSeconds = Math.max(1, Math.ceil(expectedSeconds / ENTRY_LIMIT))
    this.#interval = this.#intervalSeconds === 1 ? this.#second : new Tally()
    this.#rows = { atSec: [], sent: [], done: [], errors: [], p50Ms: [], p95Ms: [], p99Ms: [] }
  }

  sent(): void {
    this.#sentCount++
    this.#second.sent++
    if (this.#interval !== this.#second) this.#interval.sent++
  }

  ended(latencySec: number, isError: boolean): void {
    this.#doneCount++
    this.#second.ended(latencySec, isError)
    if (this.#interval !== this.#second) this.#interval.ended(latencySec, isError)
  }

  /** Closes what is over at `atMs` after the start. Returns what to tell when a second is over. */
  look(atMs: number): LoadProgress | undefined {
    if (atMs - this.#secondStartMs < 1000) return undefined
    const { histogram, errors } = this.#second
    const latency = histogram.snapshot()
    const perSec = (1000 * latency.count) / (atMs - this.#secondStartMs)
    const lastSecond = { perSec, p50Ms: quantileMs(latency, 0.5), p95Ms: quantileMs(latency, 0.95), errors }
    if (atMs - this.#intervalStartMs >= 1000 * this.#intervalSeconds) this.#closeInterval(atMs)
    this.#second.reset()
    // Seconds are kept to the run's own grid, so that a look that came late does not move the ones after it.
    this.#secondStartMs = 1000 * Math.floor(atMs / 1000)
    return { atMs: Math.round(atMs), sentCount: this.#sentCount, doneCount: this.#doneCount, inFlight: this.#sentCount - this.#doneCount, lastSecond }
  }

  /** Everything, including what the last interval has so far. */
  finish(atMs: number): LoadTimeline {
    if (this.#interval.sent > 0 || this.#interval.histogram.snapshot().count > 0) this.#closeInterval(atMs)
    return { intervalSeconds: this.#intervalSeconds, ...this.#rows }
  }

  #closeInterval(atMs: number): void {
    const { histogram, sent, errors } = this.#interval
    const latency = histogram.snapshot()
    this.#rows.atSec.push(Math.round(atMs) / 1000)
    this.#rows.sent.push(sent)
    this.#rows.done.push(latency.count)
    this.#rows.errors.push(errors)
    this.#rows.p50Ms.push(quantileMs(latency, 0.5))
    this.#rows.p95Ms.push(quantileMs(latency, 0.95))
    this.#rows.p99Ms.push(quantileMs(latency, 0.99))
    this.#interval.reset()
    this.#intervalStartMs = 1000 * Math.floor(atMs / 1000)
  }
}

class Tally {
  sent = 0
  errors = 0
  readonly histogram: Histogram = createHistogram()

  ended(latencySec: number, isError: boolean): void {
    this.histogram.record(latencySec)
    if (isError) this.errors++
  }

  reset(): void {
    this.sent = 0
    this.errors = 0
    this.histogram.reset()
  }
}
