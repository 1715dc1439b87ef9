import { randomUUID } from 'node:crypto'
import { type Duration, parseDurationMs } from '../../core/index.ts'
import type { TieredCache } from '../cache-contract.ts'
import { findParts } from '../cache-parts.ts'
import { cacheErrors } from '../errors.ts'
import { toCodedError } from '../redis/fault.ts'
import type { SourceProgress, SourceReport, WarmingOutcome, WarmingReport } from './report.ts'
import { answerChannel, PROGRESS_MS, requestChannel, type WarmingAnswer } from './request-messages.ts'
import { Subscription } from './subscription.ts'

/** Options of {@link requestWarming}. */
export interface RequestWarmingOptions {
  /** Names of sources. Default: all that any process has. */
  readonly sources?: readonly string[]
  /** How long to wait for the first process to answer. Default `'2s'`. */
  readonly answerWithin?: Duration
  /** Stops waiting. The processes go on warming. */
  readonly signal?: AbortSignal
  /** Hears of every source about once a second. */
  readonly onProgress?: (progress: readonly SourceProgress[]) => void
}

/** What became of a request. */
export interface RequestedWarming {
  /** Processes that answered. */
  readonly processes: number
  readonly tookMs: number
  /** For each source, as the process tells that warmed it. */
  readonly sources: readonly SourceReport[]
}

/** Nothing heard for so long: the processes that answered are gone, or Redis is. Longer than a takeover takes. */
const SILENCE_MS = 10 * PROGRESS_MS
/** How long answers of further processes are waited for. */
const GATHER_MS = 500
/** How much one report of a source says, compared with another's. */
const RANK: readonly WarmingOutcome[] = ['warmed', 'budget', 'failed', 'lost', 'stopped', 'away', 'elsewhere', 'done']

/** Asks the processes of the cache's namespace to warm, over Redis, and waits until one of them has. Sources live where the loaders are, in the services;
 *  this works from anywhere that reaches their Redis. One more connection while it lasts.
 *  @throws HF_CACHE_NO_WARMER when no process answers, or all that did fall silent; HF_CACHE_NO_SUCH_SOURCE, HF_CACHE_REDIS_AWAY; the signal's reason */
export async function requestWarming(cache: TieredCache, options: RequestWarmingOptions = {}): Promise<RequestedWarming> {
  const { clock, redis, namespace } = findParts(cache)
  if (redis === undefined) throw cacheErrors.create('HF_CACHE_REDIS_AWAY', 'a request to warm goes through Redis, and none was given')
  const answerWithinMs = parseDurationMs(options.answerWithin ?? '2s')
  const id = randomUUID()
  const startedAtMs = clock.monotonicMs()
  const answers = new Answers(options.sources)
  const { promise, resolve, reject } = withResolvers<void>()
  const noWarmer = (why: string): void => reject(cacheErrors.create('HF_CACHE_NO_WARMER', `${why} (namespace ${namespace})`))
  let timer = clock.after(answerWithinMs, () => noWarmer(`no process answered within ${answerWithinMs} ms`), true)
  const onAnswer = (text: string): void => {
    timer.cancel()
    timer = clock.after(SILENCE_MS, () => noWarmer(`nothing was heard for ${SILENCE_MS} ms of the processes that had answered`), true)
    const progress = answers.add(JSON.parse(text) as WarmingAnswer)
    if (progress !== undefined) options.onProgress?.(progress)
    if (hasGathered && (answers.isComplete || answers.isUnknown)) resolve()
  }
  let hasGathered = false
  let isPublished = false
  const publish = (): void => {
    if (isPublished) return
    isPublished = true
    const request = JSON.stringify({ id, sources: options.sources })
    redis.send('publish', [requestChannel(namespace), request]).catch(error => reject(toCodedError(error, 'the request to warm')))
  }
  const subscription = new Subscription(redis, clock, 'holdfast-cache-request', answerChannel(namespace, id), onAnswer, publish)
  const onAbort = (): void => reject(options.signal?.reason)
  options.signal?.addEventListener('abort', onAbort)
  try {
    options.signal?.throwIfAborted()
    subscription.start()
    // One may be ready before another, with other sources, has answered at all.
    const gather = (): void => {
      hasGathered = true
      if (answers.isUnknown || answers.isComplete) resolve()
    }
    const gathered = clock.after(Math.min(GATHER_MS, answerWithinMs), gather, true)
    await promise.finally(() => gathered.cancel())
  } finally {
    timer.cancel()
    subscription.stop()
    options.signal?.removeEventListener('abort', onAbort)
  }
  if (answers.isUnknown) throw cacheErrors.create('HF_CACHE_NO_SUCH_SOURCE', `${answers.unknown.join(', ')}; known are ${answers.known.join(', ')}`)
  return { processes: answers.processes, tookMs: clock.monotonicMs() - startedAtMs, sources: answers.best }
}

/** Puts the answers of several processes together. */
class Answers {
  readonly #wanted: readonly string[] | undefined
  readonly #expected = new Map<string, readonly string[]>()
  readonly #reports = new Map<string, WarmingReport>()

  constructor(wanted: readonly string[] | undefined) {
    this.#wanted = wanted
  }

  get processes(): number {
    return this.#expected.size
  }

  get known(): readonly string[] {
    return [...new Set([...this.#expected.values()].flat())]
  }

  /** Processes answered, and none has one of the sources wanted. */
  get isUnknown(): boolean {
    return this.processes > 0 && this.unknown.length > 0
  }

  get unknown(): readonly string[] {
    return this.#sources.filter(name => !this.known.includes(name))
  }

  /** Every source was warmed by somebody, or all that answered have reported. */
  get isComplete(): boolean {
    if (this.processes === 0 || this.isUnknown) return false
    const workers = [...this.#expected].filter(([, names]) => names.some(name => this.#sources.includes(name)))
    if (workers.every(([from]) => this.#reports.has(from))) return true
    const finished = this.best.filter(({ outcome }) => outcome === 'warmed' || outcome === 'budget')
    return finished.length === this.#sources.length
  }

  /** Of each source the report that says most. */
  get best(): readonly SourceReport[] {
    const best = new Map<string, SourceReport>()
    for (const report of [...this.#reports.values()].flatMap(({ sources }) => sources)) {
      const rival = best.get(report.source)
      if (rival === undefined || RANK.indexOf(report.outcome) < RANK.indexOf(rival.outcome)) best.set(report.source, report)
    }
    return [...best.values()]
  }

  get #sources(): readonly string[] {
    return this.#wanted ?? this.known
  }

  /** Notes an answer; what is worth showing of it. */
  add(answer: WarmingAnswer): readonly SourceProgress[] | undefined {
    if (answer.kind === 'hello') this.#expected.set(answer.from, answer.sources)
    else if (answer.kind === 'report') this.#reports.set(answer.from, answer.report)
    // Those who wait for another process have nothing to tell.
    else if (answer.sources.some(({ state }) => state === 'running')) return answer.sources
    return undefined
  }
}

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((fulfil, refuse) => {
    resolve = fulfil
    reject = refuse
  })
  return { promise, resolve, reject }
}
