import { type Clock, type ClockTimer, isHoldfastError, type Logger } from '../core/index.ts'
import type { CdnMetrics } from './metrics.ts'
import type { CdnProvider, Purge } from './provider.ts'
import type { ResolvedCdnOptions } from './purge-options.ts'
import { kindOf, type Lane, type PurgeQueue, type TakenPurge } from './queue/purge-queue.ts'

/** What a sender needs. */
export interface PurgeSenderDeps {
  readonly queue: PurgeQueue
  readonly options: ResolvedCdnOptions
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly metrics: CdnMetrics
  /** Some were given up. */
  onDead(): void
}

/** Longer than the longest request, so that nobody sends what is being sent. Who dies with purges in hand holds them up for as long. */
export const LEASE_MS = 30_000
/** Pause between two looks when nothing is known to be due: another process may have added something and died. */
const LOOK_EVERY_MS = 2000
/** Pauses between attempts double from the first to the limit, and half of each is random. */
const FIRST_RETRY_MS = 1000
const RETRY_LIMIT_MS = 300_000
/** A look ends after so many requests, so that a stop is heard. */
const REQUESTS_AT_ONCE = 100
/** How long a stop waits for the request under way. What is cut off is sent again when its lease ends. */
const STOP_WAIT_MS = 2000

/** Sends the purges of one CDN, within its limits, which all processes of a namespace share. */
export class PurgeSender {
  readonly #provider: CdnProvider
  readonly #deps: PurgeSenderDeps
  readonly #abort = new AbortController()
  #timer: ClockTimer | undefined
  #timerAtMs = Number.POSITIVE_INFINITY
  #working: Promise<void> | undefined
  readonly #pausedUntilMs = new Map<string, number>()
  #isWoken = false
  #isStopping = false

  constructor(provider: CdnProvider, deps: PurgeSenderDeps) {
    this.#provider = provider
    this.#deps = deps
  }

  /** Something is due in `inMs`. */
  wake(inMs: number): void {
    const { clock } = this.#deps
    const atMs = clock.monotonicMs() + inMs
    if (this.#isStopping || atMs >= this.#timerAtMs) return
    this.#timer?.cancel()
    this.#timerAtMs = atMs
    this.#timer = clock.after(inMs, () => this.#run())
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    this.#timer?.cancel()
    const cut = this.#deps.clock.after(STOP_WAIT_MS, () => this.#abort.abort(), true)
    await this.#working
    this.#abort.abort()
    cut.cancel()
  }

  #run(): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY
    // One look at a time.
    this.#isWoken = this.#working !== undefined
    if (this.#isWoken) return
    this.#working = this.#work()
      .catch((error): number => {
        this.#deps.logger.debug({ err: error, provider: this.#provider.name }, 'cdn: the queue of purges could not be read')
        return LOOK_EVERY_MS
      })
      .then(nextMs => {
        this.#working = undefined
        this.wake(this.#isWoken ? 0 : nextMs)
      })
  }

  /** Sends what is due. Resolves to the ms until the next look. */
  async #work(): Promise<number> {
    const { queue } = this.#deps
    const { name, limits } = this.#provider
    let requests = 0
    for (;;) {
      const due = await queue.due([name])
      const now = due.filter(({ lane, inMs }) => inMs <= 0 && this.#pausedForMs(lane) <= 0)
      let hasSent = false
      let waitMs = Math.min(LOOK_EVERY_MS, ...due.filter(({ inMs }) => inMs > 0).map(({ inMs }) => inMs))
      for (const { lane } of now) {
        const own = limits[kindOf(lane)]
        const limit = lane.endsWith('!') ? { ...own, perRequest: 1 } : own
        const taken = this.#isStopping ? [] : await queue.take(name, lane, limit, LEASE_MS)
        // Somebody else took them, or there is no token: when there will be one depends on the others too.
        if (taken.length === 0) waitMs = Math.min(waitMs, Math.max(50, 1000 / limit.perSec))
        else {
          hasSent = true
          await this.#send(lane, limit.bucket, taken)
        }
      }
      if (!hasSent || ++requests >= REQUESTS_AT_ONCE || this.#isStopping) return waitMs
    }
  }

  /** The store knows too; this spares asking it until then. */
  #pausedForMs(lane: Lane): number {
    return (this.#pausedUntilMs.get(this.#provider.limits[kindOf(lane)].bucket) ?? 0) - this.#deps.clock.monotonicMs()
  }

  async #send(lane: Lane, bucket: string, taken: readonly TakenPurge[]): Promise<void> {
    const { queue, options, metrics, clock } = this.#deps
    const { name } = this.#provider
    try {
      await this.#provider.purge(toPurge(lane, taken), { clock, signal: this.#abort.signal })
    } catch (error) {
      if (this.#abort.signal.aborted) return
      await this.#failed(lane, bucket, taken, error)
      return
    }
    metrics.requests.bind(name, 'ok').add()
    metrics.purges.bind(name, 'sent').add(taken.length)
    await queue.done(taken, name, lane, options.secondPurgeMs)
  }

  async #failed(lane: Lane, bucket: string, taken: readonly TakenPurge[], error: unknown): Promise<void> {
    const { queue, options, metrics, random, logger } = this.#deps
    const { name } = this.#provider
    const code = isHoldfastError(error) ? error.code : 'HF_HTTP_CDN_REJECTED'
    const reason = error instanceof Error ? error.message : 'unknown'
    metrics.requests.bind(name, code.replace('HF_HTTP_CDN_', '').toLowerCase()).add()
    logger.warn({ provider: name, code, count: taken.length, why: reason }, 'cdn: a purge was not accepted')
    if (code === 'HF_HTTP_CDN_LIMITED') {
      const retryAfterMs = Number((error as { context?: { retryAfterMs?: number } }).context?.retryAfterMs ?? FIRST_RETRY_MS)
      this.#pausedUntilMs.set(bucket, this.#deps.clock.monotonicMs() + retryAfterMs)
      await queue.pause(name, bucket, retryAfterMs)
      await queue.retry(taken, name, { from: lane, to: lane }, retryAfterMs, true)
      return
    }
    const isRefused = code === 'HF_HTTP_CDN_REJECTED'
    if (isRefused && taken.length > 1) {
      // One of them is bad. Each is sent alone, so that it takes none of the others with it.
      await queue.retry(taken, name, { from: lane, to: `${kindOf(lane)}!` }, 0, true)
      return
    }
    const lost = taken.filter(({ attempts }) => isRefused || attempts >= options.attempts)
    const left = taken.filter(purge => !lost.includes(purge))
    if (lost.length > 0) {
      metrics.purges.bind(name, 'dead').add(lost.length)
      await queue.bury(lost, name, lane, reason)
      this.#deps.onDead()
    }
    if (left.length > 0) {
      metrics.purges.bind(name, 'retried').add(left.length)
      const pauseMs = Math.min(RETRY_LIMIT_MS, FIRST_RETRY_MS * 2 ** (Math.max(...left.map(({ attempts }) => attempts)) - 1))
      await queue.retry(left, name, { from: lane, to: lane }, Math.round(pauseMs * (0.5 + random() / 2)), false)
    }
  }
}

/** Each subject once. */
function toPurge(lane: Lane, taken: readonly TakenPurge[]): Purge {
  const subjects = [...new Set(taken.map(({ subject }) => subject))]
  const kind = kindOf(lane)
  if (kind === 'all') return { kind }
  return kind === 'tag' ? { kind, tags: subjects } : { kind, urls: subjects }
}
