import { type ClockTimer, collectConfigProblems, createLifecycle, type Lifecycle } from '../../core/index.ts'
import type { TieredCache } from '../cache-contract.ts'
import { type CacheParts, findParts } from '../cache-parts.ts'
import { cacheErrors } from '../errors.ts'
import { claim, type Holding, type Occasion } from './claim.ts'
import { createWarmingMetrics, type WarmingMetrics } from './metrics.ts'
import { NO_COUNTS, type SourceProgress, type SourceReport, type WarmingOutcome, type WarmingReport } from './report.ts'
import { RequestListener } from './request-listener.ts'
import { type ResolvedSource, resolveSources, type WarmingSource } from './source.ts'
import { orAborted, RunEnd, SourceRun } from './source-run.ts'

/** Options of {@link createWarming}. */
export interface WarmingOptions {
  readonly sources: readonly WarmingSource[]
  /** Names the deployed version (a commit, an image tag): sources with `on: ['deploy']` are warmed once in the fleet for each. 1 to 200 characters.
   *  Remembered for 30 days; a rollback within them is not a new version. */
  readonly deployId?: string
  /** Answer `holdfast cache warm` and {@link requestWarming}. Costs one more Redis connection. Default true. */
  readonly requests?: boolean
}

/** Options of one run by hand. */
export interface WarmOptions {
  /** Names of sources. Default: all. */
  readonly sources?: readonly string[]
  /** Ends the run; the report then says `stopped`. */
  readonly signal?: AbortSignal
}

/** Fills a cache before it is asked. Stops with its cache. */
export interface Warming extends Lifecycle {
  /** Warms now, the highest priority first, and tells how it went. Waits for a process that warms the same source already. Never rejects for a source that
   *  fails. @throws HF_CACHE_NO_SUCH_SOURCE */
  warm(options?: WarmOptions): Promise<WarmingReport>
  /** Every source, as it stands in this process. */
  progress(): readonly SourceProgress[]
  /** The last run that ended in this process. */
  lastReport(): WarmingReport | undefined
  /** Resolves when no run is under way here; at once after `stop`. For a readiness probe that waits for the first run. */
  idle(): Promise<void>
}

/** How long `stop` may take: what is under way is left, and the claim given back. */
const STOP_LIMIT_MS = 1000
/** A wall clock that jumps is noticed within this. */
const LONGEST_SLEEP_MS = 60_000
/** A source that waits for another process waits this much longer than its own budget: the other's death has to be noticed. */
const TAKEOVER_MS = 5000

/** Prepares warming `cache`; `start()` returns at once and warms in the background. Among the processes of a namespace one warms at a time, and another
 *  takes over when it dies. Without any Redis each process warms its own memory. When Redis is away nothing is warmed until it is back.
 *  @throws HF_CONFIG_INVALID naming every bad option at once, HF_CACHE_OPTION_INVALID for a foreign cache */
export function createWarming(cache: TieredCache, options: WarmingOptions): Warming {
  const parts = findParts(cache)
  const problems = collectConfigProblems()
  const { deployId } = options
  if (deployId !== undefined && (typeof deployId !== 'string' || deployId === '' || deployId.length > 200))
    problems.add('warming.deployId', 'must be a string of 1 to 200 characters')
  const sources = resolveSources(problems, options.sources, deployId !== undefined)
  problems.throwIfAny('warming options')
  return new CacheWarming(cache, parts, sources, options)
}

interface Place {
  readonly source: ResolvedSource
  state: SourceProgress['state']
  run: SourceRun | undefined
  /** The end of what runs or waits here. */
  last: { readonly end: Promise<unknown>; isOver: boolean }
  timer: ClockTimer | undefined
}

class CacheWarming implements Warming {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly #cache: TieredCache
  readonly #parts: CacheParts
  readonly #places: readonly Place[]
  readonly #deployId: string | undefined
  readonly #metrics: WarmingMetrics
  readonly #listener: RequestListener | undefined
  readonly #abort = new AbortController()
  readonly #underWay = new Set<Promise<WarmingReport>>()
  #lastReport: WarmingReport | undefined

  constructor(cache: TieredCache, parts: CacheParts, sources: readonly ResolvedSource[], { deployId, requests = true }: WarmingOptions) {
    this.#cache = cache
    this.#parts = parts
    this.#deployId = deployId
    this.#metrics = createWarmingMetrics(parts.registry)
    this.#places = sources.map(source => ({
      source,
      state: 'idle',
      run: undefined,
      last: { end: Promise.resolve(), isOver: true },
      timer: undefined,
    }))
    if (requests && parts.redis !== undefined) {
      this.#listener = new RequestListener(parts, parts.redis, {
        names: sources.map(source => source.name),
        progress: () => this.progress(),
        warm: (id, names) => this.#begin('request', this.#named(names), () => ({ kind: 'request', id })),
      })
    }
    const stop = (): Promise<void> => this.stop()
    const lifecycle = createLifecycle({
      name: 'warming',
      clock: parts.clock,
      stopLimitMs: STOP_LIMIT_MS,
      start: async () => {
        parts.stopFirst.add(stop)
        this.#listener?.start()
        this.#warmOnStart()
        for (const place of this.#places) this.#schedule(place, parts.clock.nowMs())
      },
      stop: async () => {
        parts.stopFirst.delete(stop)
        for (const place of this.#places) place.timer?.cancel()
        this.#abort.abort(new RunEnd('stopped'))
        await Promise.all(this.#underWay)
        await this.#listener?.stop()
      },
    })
    this.start = lifecycle.start
    this.stop = lifecycle.stop
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async warm({ sources, signal }: WarmOptions = {}): Promise<WarmingReport> {
    const unknown = sources?.filter(name => !this.#places.some(place => place.source.name === name)) ?? []
    if (unknown.length > 0) {
      const known = this.#places.map(place => place.source.name).join(', ')
      throw cacheErrors.create('HF_CACHE_NO_SUCH_SOURCE', `${unknown.join(', ')}; known are ${known}`)
    }
    return this.#begin('hand', this.#named(sources), () => ({ kind: 'hand' }), signal)
  }

  progress(): readonly SourceProgress[] {
    return this.#places.map(({ source, state, run }) => ({ source: source.name, state, total: run?.total, ...(run?.counts ?? NO_COUNTS) }))
  }

  lastReport(): WarmingReport | undefined {
    return this.#lastReport
  }

  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  #named(names: readonly string[] | undefined): readonly Place[] {
    return names === undefined ? this.#places : this.#places.filter(place => names.includes(place.source.name))
  }

  #warmOnStart(): void {
    const places = this.#places.filter(({ source }) => source.on.length > 0)
    const id = this.#deployId ?? ''
    if (places.length > 0)
      void this.#begin('start', places, ({ source }) => (source.on.includes('start') ? { kind: 'start' } : { kind: 'deploy', id }))
  }

  #schedule(place: Place, afterMs: number): void {
    const { clock } = this.#parts
    const dueAtMs = place.source.nextDue?.(afterMs)
    if (dueAtMs === undefined) return
    const sleep = (): void => {
      const leftMs = dueAtMs - clock.nowMs()
      place.timer = clock.after(Math.min(LONGEST_SLEEP_MS, Math.max(0, leftMs)), () => {
        if (clock.nowMs() < dueAtMs) return sleep()
        // What was missed while the process stood still is made up for once.
        this.#schedule(place, clock.nowMs())
        if (place.last.isOver) void this.#begin('tick', [place], () => ({ kind: 'tick', dueAtMs }))
      })
    }
    sleep()
  }

  #begin(
    kind: WarmingReport['occasion'],
    places: readonly Place[],
    occasionOf: (place: Place) => Occasion,
    signal: AbortSignal = this.#abort.signal,
  ): Promise<WarmingReport> {
    const report = this.#run(kind, places, occasionOf, AbortSignal.any([this.#abort.signal, signal]))
    this.#underWay.add(report)
    void report.finally(() => this.#underWay.delete(report))
    return report
  }

  async #run(
    kind: WarmingReport['occasion'],
    places: readonly Place[],
    occasionOf: (place: Place) => Occasion,
    signal: AbortSignal,
  ): Promise<WarmingReport> {
    const { clock, logger } = this.#parts
    const startedAtMs = clock.nowMs()
    const begunAtMs = clock.monotonicMs()
    const sources: SourceReport[] = []
    for (const place of places) sources.push(await this.#inTurn(occasionOf(place), place, signal))
    const report: WarmingReport = { occasion: kind, startedAtMs, tookMs: clock.monotonicMs() - begunAtMs, sources }
    this.#lastReport = report
    const isBad = sources.some(({ outcome, failed }) => failed > 0 || ['failed', 'away', 'lost'].includes(outcome))
    logger[isBad ? 'warn' : 'info']({ report }, `cache: warming ended (${kind})`)
    return report
  }

  /** One run of a source at a time in this process. */
  #inTurn(occasion: Occasion, place: Place, signal: AbortSignal): Promise<SourceReport> {
    const before = place.last
    const turn = before.isOver
      ? this.#runNow(occasion, place, signal)
      : orAborted(before.end, signal).then(
          () => this.#runNow(occasion, place, signal),
          () => this.#reportOf(place.source, 'stopped', undefined, 0),
        )
    const last = { isOver: false, end: Promise.allSettled([before.end, turn]) }
    void last.end.then(() => {
      last.isOver = true
    })
    place.last = last
    return turn
  }

  async #runNow(occasion: Occasion, place: Place, signal: AbortSignal): Promise<SourceReport> {
    const begunAtMs = this.#parts.clock.monotonicMs()
    place.run = undefined
    place.state = 'waiting'
    const outcome = await this.#warmClaimed(occasion, place, signal)
    place.state = outcome
    return this.#reportOf(place.source, outcome, place.run, this.#parts.clock.monotonicMs() - begunAtMs)
  }

  #reportOf({ name }: ResolvedSource, outcome: WarmingOutcome, run: SourceRun | undefined, tookMs: number): SourceReport {
    const report: SourceReport = { source: name, outcome, tookMs, ...(run?.counts ?? NO_COUNTS), errors: run?.errors ?? [] }
    this.#metrics.record(report)
    return report
  }

  async #warmClaimed(occasion: Occasion, place: Place, signal: AbortSignal): Promise<WarmingOutcome> {
    const { source } = place
    if (signal.aborted) return 'stopped'
    const claimed = await claim(this.#parts, source.name, occasion, source.budgetMs + TAKEOVER_MS, signal).catch(() => undefined)
    if (claimed === undefined) return 'stopped'
    if (claimed.kind !== 'mine') return claimed.kind
    const run = new SourceRun(source, this.#cache, this.#parts)
    place.run = run
    place.state = 'running'
    const outcome = await watched(run, signal, claimed.holding)
    await claimed.holding.end(outcome === 'warmed' || outcome === 'budget')
    return outcome
  }
}

/** The run, ended early when it is stopped or its claim is lost. */
async function watched(run: SourceRun, signal: AbortSignal, holding: Holding): Promise<WarmingOutcome> {
  const onStop = (): void => run.end('stopped')
  const onLost = (): void => run.end('lost')
  signal.addEventListener('abort', onStop)
  holding.signal.addEventListener('abort', onLost)
  try {
    if (signal.aborted) run.end('stopped')
    return await run.run()
  } finally {
    signal.removeEventListener('abort', onStop)
    holding.signal.removeEventListener('abort', onLost)
  }
}
