import type { Clock, ClockTimer, HealthReason, Logger } from '../core/index.ts'
import type { CdnMetrics } from './metrics.ts'
import type { PurgeCounts, PurgeQueue } from './queue/purge-queue.ts'

/** What the watch needs. */
export interface PurgeWatchDeps {
  readonly queue: PurgeQueue
  readonly providers: readonly string[]
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: CdnMetrics
  /** Resolves when the queue can be used. */
  readonly opened: () => Promise<void>
}

/** Pause between two counts, which read every purge that waits. */
const WATCH_EVERY_MS = 5000
/** A purge that waits for longer is told by health: beyond it, the limits of the provider are too narrow for what is purged. */
const OLD_MS = 300_000
/** Purges from which on everything is purged instead: more than three hours of requests on Cloudflare's free plan. */
const FOLD_AT = 100_000

/** Counts what waits for CDNs, and what was given up. */
export class PurgeWatch {
  readonly #deps: PurgeWatchDeps
  #counted: readonly PurgeCounts[] = []
  #timer: ClockTimer | undefined
  #isStopped = false

  constructor(deps: PurgeWatchDeps) {
    this.#deps = deps
  }

  /** Counts now, which also opens the queue, and from then on every 5 s. */
  start(): void {
    void this.look().then(() => {
      if (!this.#isStopped) this.#timer = this.#deps.clock.after(WATCH_EVERY_MS, () => this.start())
    })
  }

  /** Counts now. Never rejects. */
  async look(): Promise<void> {
    await this.#count().catch(error => this.#deps.logger.debug({ err: error }, 'cdn: purges could not be counted'))
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  get problems(): readonly HealthReason[] {
    const nowMs = this.#deps.clock.nowMs()
    return this.#counted.flatMap(({ provider, waiting, dead, oldestMs }) => {
      const reasons: HealthReason[] = []
      if (dead > 0) {
        const why = `${dead} purges for ${provider} were given up, so it may serve what is old; holdfast cdn dead has the reasons, holdfast cdn retry sends them again`
        reasons.push({ component: 'cdn', why, sinceMs: nowMs })
      }
      if (oldestMs > OLD_MS) {
        const why = `${waiting} purges wait for ${provider}, the oldest for ${Math.round(oldestMs / 1000)} s`
        reasons.push({ component: 'cdn', why, sinceMs: nowMs - oldestMs })
      }
      return reasons
    })
  }

  async #count(): Promise<void> {
    const { queue, providers, metrics, logger, opened } = this.#deps
    await opened()
    this.#counted = await queue.counts(providers)
    for (const { provider, waiting, dead, oldestMs } of this.#counted) {
      metrics.queue.bind(provider, 'waiting').set(waiting)
      metrics.queue.bind(provider, 'dead').set(dead)
      metrics.oldest.bind(provider).set(oldestMs / 1000)
      if (waiting < FOLD_AT) continue
      await queue.fold(provider)
      metrics.purges.bind(provider, 'folded').add(waiting)
      logger.warn({ provider, waiting }, 'cdn: too many purges wait; everything is purged instead')
    }
  }
}
