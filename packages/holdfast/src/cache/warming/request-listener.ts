import { randomBytes } from 'node:crypto'
import { hostname } from 'node:os'
import type { ClockTimer } from '../../core/index.ts'
import type { CacheParts, RedisAccess } from '../cache-parts.ts'
import type { SourceProgress, WarmingReport } from './report.ts'
import { answerChannel, PROGRESS_MS, requestChannel, type WarmingAnswer, type WarmingRequest } from './request-messages.ts'
import { Subscription } from './subscription.ts'

/** What a request can have done here. */
export interface RequestHandlers {
  readonly names: readonly string[]
  progress(): readonly SourceProgress[]
  warm(id: string, names: readonly string[] | undefined): Promise<WarmingReport>
}

/** Requests worked on at once; others go unanswered here. */
const REQUESTS_LIMIT = 4

/** Hears requests to warm and answers them. */
export class RequestListener {
  readonly #parts: CacheParts
  readonly #redis: RedisAccess
  readonly #handlers: RequestHandlers
  readonly #subscription: Subscription
  readonly #from = `${hostname()}:${process.pid}:${randomBytes(3).toString('hex')}`
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(parts: CacheParts, redis: RedisAccess, handlers: RequestHandlers) {
    this.#parts = parts
    this.#redis = redis
    this.#handlers = handlers
    this.#subscription = new Subscription(redis, parts.clock, 'holdfast-cache-warming', requestChannel(parts.namespace), text =>
      this.#onRequest(text),
    )
  }

  start(): void {
    this.#subscription.start()
  }

  /** Waits for the last answers; the warming itself has ended before. */
  async stop(): Promise<void> {
    this.#subscription.stop()
    await Promise.all(this.#underWay.values())
  }

  #onRequest(text: string): void {
    const request = readRequest(text)
    if (request === undefined || this.#underWay.has(request.id)) return
    if (this.#underWay.size >= REQUESTS_LIMIT) {
      this.#parts.logger.warn({ limit: REQUESTS_LIMIT }, 'cache: a request to warm was ignored, too many are under way')
      return
    }
    const work = this.#serve(request).catch(error => this.#parts.logger.warn({ err: error }, 'cache: a request to warm failed'))
    this.#underWay.set(
      request.id,
      work.finally(() => this.#underWay.delete(request.id)),
    )
  }

  async #serve({ id, sources }: WarmingRequest): Promise<void> {
    const { names, progress, warm } = this.#handlers
    const from = this.#from
    const wanted = names.filter(name => sources === undefined || sources.includes(name))
    await this.#answer(id, { kind: 'hello', from, sources: names })
    if (wanted.length === 0) return
    let timer: ClockTimer
    const tell = (): void => {
      timer = this.#parts.clock.after(PROGRESS_MS, () => {
        void this.#answer(id, { kind: 'progress', from, sources: progress().filter(({ source }) => wanted.includes(source)) })
        tell()
      })
    }
    tell()
    const report = await warm(id, wanted)
    timer!.cancel()
    await this.#answer(id, { kind: 'report', from, report })
  }

  /** Lost when Redis is away: whoever asked will notice the silence. */
  async #answer(id: string, answer: WarmingAnswer): Promise<void> {
    await this.#redis.send('publish', [answerChannel(this.#parts.namespace, id), JSON.stringify(answer)]).catch(() => undefined)
  }
}

function readRequest(text: string): WarmingRequest | undefined {
  try {
    const { id, sources } = JSON.parse(text) as { id?: unknown; sources?: unknown }
    if (typeof id !== 'string' || !/^[\w-]{1,64}$/.test(id)) return undefined
    if (sources === undefined) return { id }
    return Array.isArray(sources) ? { id, sources: sources.map(String) } : undefined
  } catch {
    return undefined
  }
}
