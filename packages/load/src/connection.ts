import type { IncomingHttpHeaders } from 'node:http'
import type { Clock } from 'holdfast/core'
import { type buildConnector, Client, type Dispatcher } from 'undici'
import { transportErrorKind } from './error-kind.ts'
import type { PreparedRequest } from './flow.ts'

/** Hears that the request of a connection has ended. */
export type OnEnded = (connection: Connection) => void

/** One connection with at most one request on it, and its own response handler: a request costs no objects of ours. */
export class Connection implements Dispatcher.DispatchHandler {
  /** When the request should have been sent, was sent, and ended, on the monotonic clock. */
  dueMs = 0
  sentMs = 0
  endedMs = 0
  /** Position in the flow of the request. */
  requestIndex = 0
  /** Why the request counts as an error; `undefined` for success. */
  errorKind: string | undefined
  /** Headers of the answer; `undefined` when none came. */
  responseHeaders: IncomingHttpHeaders | undefined
  isBusy = false
  readonly #client: Client
  readonly #clock: Clock
  readonly #onEnded: OnEnded
  #isUsable = true
  #request: PreparedRequest | undefined

  constructor(origin: string, connect: buildConnector.connector, clock: Clock, onEnded: OnEnded) {
    // Time-outs are ours: undici would start two timers for each request, and they are exact to a second only.
    this.#client = new Client(origin, { connect, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
    this.#clock = clock
    this.#onEnded = onEnded
  }

  /** Sends now. Undici writes to an open connection before this returns, and queues when it has to connect first. */
  send(request: PreparedRequest, dueMs: number): void {
    this.isBusy = true
    this.dueMs = dueMs
    this.requestIndex = request.index
    this.errorKind = undefined
    this.responseHeaders = undefined
    this.#request = request
    this.sentMs = this.#clock.monotonicMs()
    this.#client.dispatch(request as Dispatcher.DispatchOptions, this)
  }

  /** Gives the request up. */
  giveUp(): void {
    this.#isUsable = false
    this.#end('timeout')
  }

  /** False after a failure: an answer that comes late must not be taken for the next request's, so the connection is not used again. */
  get isUsable(): boolean {
    return this.#isUsable
  }

  destroy(): Promise<void> {
    return this.#client.destroy()
  }

  onRequestStart(): void {
    // Its presence tells undici which kind of handler this is.
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    // 1xx is not the answer yet (RFC 9110 15.2).
    if (status < 200) return
    this.responseHeaders = headers
    if (this.#request?.isExpected(status) === false) this.errorKind = `http_${status}`
  }

  onResponseData(): void {
    // Drained, not kept.
  }

  onResponseEnd(): void {
    this.#end(this.errorKind)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#isUsable = false
    this.#end(transportErrorKind(error))
  }

  #end(errorKind: string | undefined): void {
    // The answer to a request that was given up, or its failure when the connection is closed for that.
    if (!this.isBusy) return
    this.isBusy = false
    this.endedMs = this.#clock.monotonicMs()
    this.errorKind = errorKind
    this.#onEnded(this)
  }
}
