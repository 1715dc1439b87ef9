import type { Clock, ConfigProblems } from '../core/portable.ts'
import type { EngineRequest } from '../http/response-cache/engine-contract.ts'
import { outcomeName } from '../http/response-cache/outcome-name.ts'
import type { Outcome } from '../http/response-cache/respond.ts'
import type { DatasetLike } from './platform.ts'
import { hostOf } from './slots.ts'

/** Where the worker writes down what it did. */
export interface EdgeMetrics {
  /** A binding of Workers Analytics Engine. What is written: one point for each answer, one for each refresh in the background, each purge, and each failure of the origin, with host, the
   *  rule's path, outcome and time. Nothing of the URL, of fields or of bodies. */
  readonly dataset: DatasetLike
  /** Share of the answers and refreshes that are written down, 0.001 to 1; each then counts for `1 / sample` of them. Purges and failures always are. Default 1. */
  readonly sample?: number
}

/** Largest index. Of a request the platform takes 250 points, of which this writes four at most; texts are names of a known set and paths of rules.
 *  @source developers.cloudflare.com/analytics/analytics-engine/limits, April 2026 */
const INDEX_LIMIT_BYTES = 96
const PATH_LIMIT = 200
const LEAST_SAMPLE = 0.001

/** Checks the options. */
export function checkEdgeMetrics({ dataset, sample = 1 }: EdgeMetrics, problems: ConfigProblems): void {
  if (typeof dataset?.writeDataPoint !== 'function') problems.add('metrics.dataset', 'must be a binding of Workers Analytics Engine; is it set?')
  if (!(sample >= LEAST_SAMPLE && sample <= 1)) problems.add('metrics.sample', `must be from ${LEAST_SAMPLE} to 1, is ${sample}`)
}

/** Writes points. None of its functions throws: a request is worth more than being counted. */
export class EdgePoints {
  readonly #metrics: EdgeMetrics | undefined
  readonly #clock: Clock
  readonly #random: () => number
  /** When requests came. One that is not here is a refresh, for which the engine makes a request of its own. */
  readonly #cameAtMs = new WeakMap<EngineRequest, number>()

  constructor(metrics: EdgeMetrics | undefined, clock: Clock, random: () => number) {
    this.#metrics = metrics
    this.#clock = clock
    this.#random = random
  }

  /** A request that the engine is asked for. */
  came(request: EngineRequest): EngineRequest {
    if (this.#metrics !== undefined) this.#cameAtMs.set(request, this.#clock.nowMs())
    return request
  }

  /** How it was answered, or what became of a refresh. */
  outcome(outcome: Outcome, request: EngineRequest): void {
    const cameAtMs = this.#cameAtMs.get(request)
    const tookMs = cameAtMs === undefined ? 0 : this.#clock.nowMs() - cameAtMs
    this.#sampled(cameAtMs === undefined ? 'refresh' : 'answer', hostOf(request.key), outcomeName(outcome), request.route, tookMs)
  }

  /** A request that the cache has no part in. */
  around(host: string, route: string, why: string): void {
    this.#sampled('answer', host, `bypass:${why}`, route, 0)
  }

  /** A purge with a signature that holds, or a request that is none. */
  purge(host: string, what: string): void {
    this.#write('purge', host, what, '', 1, 0)
  }

  /** The origin gave no answer. */
  failure(host: string, what: 'late' | 'unreachable'): void {
    this.#write('origin', host, what, '', 1, 0)
  }

  #sampled(event: string, host: string, what: string, route: string, tookMs: number): void {
    if (this.#metrics === undefined) return
    const { sample = 1 } = this.#metrics
    if (sample < 1 && this.#random() >= sample) return
    this.#write(event, host, what, route, 1 / sample, tookMs)
  }

  #write(event: string, host: string, what: string, route: string, weight: number, tookMs: number): void {
    try {
      this.#metrics?.dataset.writeDataPoint({
        indexes: [host.slice(0, INDEX_LIMIT_BYTES)],
        blobs: [event, what, route.slice(0, PATH_LIMIT)],
        doubles: [weight, tookMs],
      })
    } catch {
      // The platform refuses points beyond its limit for a request.
    }
  }
}
