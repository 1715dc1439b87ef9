import type { Clock, ClockTimer } from '../../core/index.ts'
import type { RedisAccess } from '../cache-parts.ts'
import { limitHandshake } from '../redis/port.ts'

/** How often a quiet connection is asked whether it is still there, and how long it has for the answer. */
const PING_MS = 10_000
const PONG_LIMIT_MS = 3000

/** A connection that listens to one channel, and subscribes again whenever it was lost. What is published meanwhile is missed. */
export class Subscription {
  readonly #client: ReturnType<RedisAccess['connect']>
  readonly #clock: Clock
  #timer: ClockTimer | undefined
  #isStopped = false

  constructor(redis: RedisAccess, clock: Clock, name: string, channel: string, onMessage: (text: string) => void, onReady: () => void = () => {}) {
    this.#clock = clock
    const client = redis.connect(name)
    this.#client = client
    limitHandshake(client, clock)
    client.on('error', () => {})
    client.on('messageBuffer', ((_: Buffer, message: Buffer) => onMessage(message.toString())) as never)
    client.on('close', () => this.#timer?.cancel())
    client.on('ready', () => {
      client.callBuffer('subscribe', [channel]).then(
        () => {
          if (this.#isStopped) return
          this.#watch()
          onReady()
        },
        () => client.disconnect(!this.#isStopped),
      )
    })
  }

  start(): void {
    this.#client.connect().catch(() => undefined)
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#client.disconnect()
  }

  /** A peer that is gone without a word would be listened to for ever. */
  #watch(): void {
    this.#timer = this.#clock.after(PING_MS, () => {
      this.#timer = this.#clock.after(PONG_LIMIT_MS, () => this.#client.disconnect(true))
      this.#client.callBuffer('ping', []).then(
        () => {
          this.#timer?.cancel()
          if (!this.#isStopped) this.#watch()
        },
        () => {},
      )
    })
  }
}
