import type { Clock, ClockTimer } from '../../core/index.ts'
import { closeClient, type PoolMemberClient } from './member.ts'

/** How connections are made. */
export interface ConnectorDeps {
  readonly clock: Clock
  readonly random: () => number
  /** How long `prepare` may take. */
  readonly limitMs: number
  /** A client that is not connected yet; its own time-out must end an attempt. */
  createClient(): PoolMemberClient
  /** Whatever must be done on a new connection before anybody gets it. */
  prepare(client: PoolMemberClient): Promise<void>
  onOpened(client: PoolMemberClient): void
  /** True when the attempt may be made again at once, because its cause is mended. */
  isMended(error: unknown, client: PoolMemberClient): boolean
  /** An attempt failed; `isPausing` is true now. */
  onFailed(error: unknown): void
}

/** First pause after a failed attempt, in ms; doubles up to the limit, and a random half of it is waited, so that a fleet does not return as one. */
const PAUSE_MS = 50
const PAUSE_LIMIT_MS = 2000

/** Opens connections, bound to no caller, with back-off after a failure. */
export class Connector {
  /** When attempts began to fail without one good one between; `undefined` while they succeed. */
  failingSinceMs: number | undefined
  lastError: unknown
  /** Attempts under way, and when each began. */
  readonly #opening = new Map<PoolMemberClient, number>()
  #failureCount = 0
  /** When the failure was that the pause is for. */
  #failedMs = Number.NEGATIVE_INFINITY
  #retryMs = Number.NEGATIVE_INFINITY
  #timer: ClockTimer | undefined
  readonly #deps: ConnectorDeps

  constructor(deps: ConnectorDeps) {
    this.#deps = deps
  }

  /** Attempts under way. */
  get openingCount(): number {
    return this.#opening.size
  }

  /** Why there is no connection: the last failure, or that an attempt has not been answered; `undefined` when nothing is amiss. */
  get trouble(): unknown {
    if (this.failingSinceMs !== undefined) return this.lastError
    return this.#opening.size === 0 ? undefined : Object.assign(new Error('the server has not answered yet'), { code: 'ETIMEDOUT' })
  }

  /** True while the pause after a failure lasts. */
  get isPausing(): boolean {
    return this.#deps.clock.monotonicMs() < this.#retryMs
  }

  /** Calls `then` once when the pause is over. Idempotent while it waits. */
  afterPause(then: () => void): void {
    this.#timer ??= this.#deps.clock.after(
      Math.max(1, this.#retryMs - this.#deps.clock.monotonicMs()),
      () => {
        this.#timer = undefined
        then()
      },
      // Somebody waits for it.
      true,
    )
  }

  open(): void {
    const client = this.#create()
    if (client === undefined) return
    this.#opening.set(client, this.#deps.clock.monotonicMs())
    // Until the pool listens: a socket that fails beside the callback would otherwise end the process.
    client.on('error', () => undefined)
    client.connect(error => {
      if (error) this.#fail(client, error)
      else
        this.#prepare(client).then(
          () => this.#succeed(client),
          failure => this.#fail(client, failure),
        )
    })
  }

  /** `undefined` when the driver refuses the configuration. */
  #create(): PoolMemberClient | undefined {
    try {
      return this.#deps.createClient()
    } catch (error) {
      this.#pause(error, this.#deps.clock.monotonicMs())
      process.nextTick(() => this.#deps.onFailed(error))
      return undefined
    }
  }

  #prepare(client: PoolMemberClient): Promise<void> {
    const { clock, limitMs } = this.#deps
    return new Promise((resolve, reject) => {
      const limit = clock.after(limitMs, () => {
        client.connection?.stream.destroy()
        reject(new Error(`the new connection was not ready to use within ${limitMs} ms`))
      })
      this.#deps
        .prepare(client)
        .finally(() => limit.cancel())
        .then(resolve, reject)
    })
  }

  /** Nobody waits any more. */
  rest(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Gives up what is under way; each attempt then fails as if the network had. */
  abort(): void {
    for (const { connection } of this.#opening.keys()) connection?.stream.destroy()
  }

  #succeed(client: PoolMemberClient): void {
    this.#opening.delete(client)
    this.#failureCount = 0
    this.failingSinceMs = undefined
    this.#deps.onOpened(client)
  }

  #fail(client: PoolMemberClient, error: unknown): void {
    const beganMs = this.#opening.get(client) ?? this.#deps.clock.monotonicMs()
    this.#opening.delete(client)
    closeClient(client, this.#deps.clock, () => undefined)
    if (!this.#deps.isMended(error, client)) this.#pause(error, beganMs)
    this.#deps.onFailed(error)
  }

  #pause(error: unknown, beganMs: number): void {
    const { clock, random } = this.#deps
    const nowMs = clock.monotonicMs()
    this.failingSinceMs ??= nowMs
    this.lastError = error
    // One of several attempts that ran into the same trouble: the pause for it has begun already.
    if (beganMs <= this.#failedMs) return
    this.#failedMs = nowMs
    const pauseMs = Math.min(PAUSE_LIMIT_MS, PAUSE_MS * 2 ** Math.min(this.#failureCount++, 10))
    this.#retryMs = nowMs + pauseMs / 2 + (random() * pauseMs) / 2
  }
}
