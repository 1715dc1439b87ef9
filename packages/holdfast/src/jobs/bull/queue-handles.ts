import type { Logger } from '../../core/index.ts'
import type { CallerConnection } from '../redis/connections.ts'
import { repeatStrategy } from '../schedule-times.ts'
import type { BullModule, BullQueue } from './port.ts'

/** Events kept for each queue, about. Nothing here reads them; they are for other tools of BullMQ. */
const EVENTS_KEPT = 1000

/** BullMQ's queues by name, over the callers' connection: made on first use, because one that is made while Redis is away never recovers. */
export class QueueHandles {
  readonly prefix: string
  readonly #bull: BullModule
  readonly #connections: CallerConnection
  readonly #logger: Logger
  readonly #queues = new Map<string, Promise<BullQueue>>()
  readonly #repeatStrategy = repeatStrategy()

  constructor(bull: BullModule, connections: CallerConnection, { prefix, logger }: { readonly prefix: string; readonly logger: Logger }) {
    this.#bull = bull
    this.#connections = connections
    this.#logger = logger
    this.prefix = prefix
  }

  /** Settings that queue and worker share. */
  get settings(): object {
    return { repeatStrategy: this.#repeatStrategy }
  }

  /** Rejects when Redis is away. */
  get(name: string): Promise<BullQueue> {
    const known = this.#queues.get(name)
    if (known !== undefined) return known
    const made = this.#open(name)
    this.#queues.set(name, made)
    made.catch(() => this.#queues.delete(name))
    return made
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map(queue => queue.then(one => one.close()).catch(() => undefined)))
    this.#queues.clear()
  }

  async #open(name: string): Promise<BullQueue> {
    const queue = new this.#bull.Queue(name, {
      connection: this.#connections.caller,
      prefix: this.prefix,
      skipWaitingForReady: true,
      streams: { events: { maxLen: EVENTS_KEPT } },
      settings: this.settings,
    })
    queue.on('error', error => this.#logger.debug({ err: error, queue: name }, 'jobs: a queue met an error'))
    await queue.waitUntilReady()
    return queue
  }
}
