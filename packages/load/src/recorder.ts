import { createHistogram, type Histogram } from 'holdfast/telemetry'
import type { Connection } from './connection.ts'
import { HeaderTally } from './header-tally.ts'
import { quantileMs, summariseLatency } from './latency-summary.ts'
import type { LoopListener } from './open-loop.ts'
import type { LoadProgress, LoadResult, RequestSummary } from './result.ts'
import { Timeline } from './timeline.ts'

/** The measured part of a result. */
export type Recorded = Pick<
  LoadResult,
  'requestCount' | 'errors' | 'droppedCount' | 'latency' | 'service' | 'byRequest' | 'perSecond' | 'responseHeaders'
> & {
  readonly driftP99Ms: number
  readonly inFlightMax: number
  readonly waitedCount: number
}

/** Counts what a loop does. Memory does not grow with the number of requests. */
export class Recorder implements LoopListener {
  readonly #startMs: number
  readonly #onProgress: (progress: LoadProgress) => void
  readonly #names: readonly string[]
  readonly #latency = createHistogram()
  readonly #service = createHistogram()
  readonly #drift = createHistogram()
  readonly #byRequest: readonly { readonly latency: Histogram; errors: number }[]
  readonly #errors = new Map<string, number>()
  readonly #timeline: Timeline
  readonly #headers = new HeaderTally()
  #requestCount = 0
  #droppedCount = 0
  #waitedCount = 0
  #inFlightMax = 0

  /** `startMs` on the monotonic clock; `expectedSeconds` sets the timeline's interval. */
  constructor(names: readonly string[], startMs: number, expectedSeconds: number, onProgress: (progress: LoadProgress) => void) {
    this.#startMs = startMs
    this.#onProgress = onProgress
    this.#names = names
    this.#byRequest = names.map(() => ({ latency: createHistogram(), errors: 0 }))
    this.#timeline = new Timeline(expectedSeconds)
  }

  sent(driftMs: number, waited: boolean, inFlightCount: number): void {
    this.#requestCount++
    this.#drift.record(driftMs / 1000)
    this.#timeline.sent()
    if (waited) this.#waitedCount++
    if (inFlightCount > this.#inFlightMax) this.#inFlightMax = inFlightCount
  }

  ended(connection: Connection): void {
    const { dueMs, sentMs, endedMs, errorKind, responseHeaders } = connection
    const latencySec = (endedMs - dueMs) / 1000
    const request = this.#byRequest[connection.requestIndex]!
    this.#latency.record(latencySec)
    this.#service.record((endedMs - sentMs) / 1000)
    request.latency.record(latencySec)
    this.#timeline.ended(latencySec, errorKind !== undefined)
    if (responseHeaders !== undefined) this.#headers.add(responseHeaders)
    if (errorKind === undefined) return
    request.errors++
    this.#errors.set(errorKind, (this.#errors.get(errorKind) ?? 0) + 1)
  }

  dropped(): void {
    this.#droppedCount++
  }

  looked(nowMs: number): void {
    const progress = this.#timeline.look(nowMs - this.#startMs)
    if (progress !== undefined) this.#onProgress(progress)
  }

  finish(nowMs: number): Recorded {
    const errorCount = [...this.#errors.values()].reduce((sum, count) => sum + count, 0)
    return {
      requestCount: this.#requestCount,
      errors: { count: errorCount, byKind: Object.fromEntries(this.#errors) },
      droppedCount: this.#droppedCount,
      latency: summariseLatency(this.#latency.snapshot()),
      service: summariseLatency(this.#service.snapshot()),
      byRequest: this.#byRequest.map(({ latency, errors }, i) => summariseRequest(this.#names[i]!, latency, errors)),
      perSecond: this.#timeline.finish(nowMs - this.#startMs),
      responseHeaders: this.#headers.summary(),
      driftP99Ms: quantileMs(this.#drift.snapshot(), 0.99) ?? 0,
      inFlightMax: this.#inFlightMax,
      waitedCount: this.#waitedCount,
    }
  }
}

function summariseRequest(name: string, histogram: Histogram, errors: number): RequestSummary {
  const latency = histogram.snapshot()
  return {
    name,
    count: latency.count,
    errors,
    p50Ms: quantileMs(latency, 0.5) ?? 0,
    p95Ms: quantileMs(latency, 0.95) ?? 0,
    p99Ms: quantileMs(latency, 0.99) ?? 0,
  }
}
