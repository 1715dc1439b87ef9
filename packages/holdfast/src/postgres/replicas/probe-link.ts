import type { Clock } from '../../core/index.ts'
import { unobserved } from '../own-statement.ts'
import type { UserPool, UserQueryResult } from '../user-pool.ts'

/** A client of the caller's driver, by itself. */
interface ProbeClient {
  connect(): Promise<unknown>
  query(text: string): Promise<UserQueryResult<Record<string, unknown>>>
  end(): Promise<unknown>
  on(event: 'error', listener: () => void): unknown
  readonly connection?: { readonly stream: { destroy(): void } }
}

type ProbeClientClass = new (options: object) => ProbeClient

/** Asks something on a new connection; what it answers is the caller's to keep. */
export type OnProbeConnect = (ask: (text: string) => Promise<Record<string, unknown> | undefined>) => Promise<void>

/** The server did not answer a question in time. */
export class ProbeTimeout extends Error {
  override readonly name = 'ProbeTimeout'
}

/** An answer that came while this process was busy is read before the timer's word is believed. */
const GRACE_MS = 50

/** A connection beside a pool, to the same server, for questions that must not wait behind the pool's callers. Connects when it is first asked, and again after a
 *  failure. */
export class ProbeLink {
  readonly #Client: ProbeClientClass
  readonly #options: object
  readonly #clock: Clock
  readonly #limitMs: number
  readonly #onConnect: OnProbeConnect
  #client: ProbeClient | undefined
  #isClosed = false

  /** Takes the driver's class from the pool, so make it before the pool is observed. */
  constructor(pool: UserPool, clock: Clock, limitMs: number, onConnect: OnProbeConnect) {
    this.#Client = (pool as unknown as { Client: ProbeClientClass }).Client
    const options = pool.options as { readonly password?: unknown }
    // pg.Pool hides the password from a spread.
    this.#options = {
      application_name: 'holdfast replica watch',
      ...options,
      password: options.password,
      connectionTimeoutMillis: limitMs,
      query_timeout: undefined,
    }
    this.#clock = clock
    this.#limitMs = limitMs
    this.#onConnect = onConnect
  }

  /** The first row of the answer. Rejects with what the driver said, or with {@link ProbeTimeout}. */
  async ask(text: string): Promise<Record<string, unknown> | undefined> {
    const client = await this.#connected()
    return this.#within(client, this.#rowOf(client, text))
  }

  /** Idempotent. Whoever waits for an answer gets an error. */
  close(): void {
    this.#isClosed = true
    if (this.#client !== undefined) this.#drop(this.#client)
  }

  async #connected(): Promise<ProbeClient> {
    if (this.#isClosed) throw new Error('the replicas are not watched any more')
    if (this.#client !== undefined) return this.#client
    const client = new this.#Client(this.#options)
    client.on('error', () => this.#drop(client))
    this.#client = client
    await this.#within(
      client,
      client.connect().then(() => this.#onConnect(text => this.#rowOf(client, text))),
    )
    return client
  }

  async #rowOf(client: ProbeClient, text: string): Promise<Record<string, unknown> | undefined> {
    return (await client.query(unobserved(text))).rows[0]
  }

  async #within<T>(client: ProbeClient, work: Promise<T>): Promise<T> {
    const clock = this.#clock
    return new Promise((resolve, reject) => {
      const late = (): void => {
        this.#drop(client)
        reject(new ProbeTimeout(`no answer within ${this.#limitMs} ms`))
      }
      let timer = clock.after(this.#limitMs, () => {
        timer = clock.after(GRACE_MS, late)
      })
      work
        .then(resolve, (error: unknown) => {
          this.#drop(client)
          reject(error)
        })
        .finally(() => timer.cancel())
    })
  }

  /** Ends a connection that failed, without waiting for a server that may not answer. */
  #drop(client: ProbeClient): void {
    if (this.#client === client) this.#client = undefined
    client.connection?.stream.destroy()
    void client.end().catch(() => undefined)
  }
}
