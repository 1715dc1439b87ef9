import type { Clock } from 'holdfast/core'
import { Connection } from './connection.ts'
import { createSocketStash, type SocketStash } from './socket-stash.ts'

/** Up to `limit` connections to one target. The one used last is taken first, so a low rate keeps few of them busy and the rest idle. */
export class Connections {
  /** Called when a request has ended; the connection still holds what it measured. */
  onEnded: (connection: Connection) => void = () => {}
  readonly #origin: string
  readonly #limit: number
  readonly #clock: Clock
  readonly #stash: SocketStash
  readonly #all = new Set<Connection>()
  readonly #idle: Connection[] = []

  constructor(origin: string, limit: number, timeoutMs: number, clock: Clock) {
    this.#origin = origin
    this.#limit = limit
    this.#clock = clock
    this.#stash = createSocketStash(origin, timeoutMs)
  }

  get busyCount(): number {
    return this.#all.size - this.#idle.length
  }

  /** Opens sockets ahead of their use. Rejects with the cause when the target cannot be reached. */
  warm(count: number): Promise<void> {
    return this.#stash.fill(Math.min(count, this.#limit))
  }

  /** A connection without a request; `undefined` when all are busy and there may be no more. */
  take(): Connection | undefined {
    const idle = this.#idle.pop()
    if (idle !== undefined) return idle
    if (this.#all.size >= this.#limit) return undefined
    const connection = new Connection(this.#origin, this.#stash.connect, this.#clock, ended => this.#release(ended))
    this.#all.add(connection)
    return connection
  }

  /** Gives up what was sent before `sentBeforeMs` and has no answer. */
  giveUpBefore(sentBeforeMs: number): void {
    for (const connection of this.#all) if (connection.isBusy && connection.sentMs <= sentBeforeMs) connection.giveUp()
  }

  async destroy(): Promise<void> {
    this.onEnded = () => {}
    this.#stash.destroy()
    await Promise.all([...this.#all].map(connection => connection.destroy()))
  }

  #release(connection: Connection): void {
    if (connection.isUsable) {
      this.#idle.push(connection)
    } else {
      this.#all.delete(connection)
      void connection.destroy()
    }
    this.onEnded(connection)
  }
}
