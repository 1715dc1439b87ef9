import type { Clock, ClockTimer } from '../core/index.ts'
import { FetchReply } from '../http/response-cache/fetch-face.ts'
import type { CfRequestInit } from './platform.ts'

/** Answers the requests that the cache does not. */
export type OriginFetch = (request: Request) => Promise<Response>

/** A request to the origin that is under way. */
export interface OriginExchange {
  /** Asks, and rejects when the head does not come in time. */
  ask(request: Request): Promise<Response>
  /** How the engine reads the answer: a body that is collected has as long as the head had. */
  readonly toReply: (response: Response) => FetchReply
  /** True when the origin took too long. */
  readonly isLate: boolean
}

/** Reaches the origin of this worker past Cloudflare's own cache, which a purge of ours does not reach. */
export function fetchOrigin(base: URL | undefined): OriginFetch {
  const init: CfRequestInit = { redirect: 'manual', cf: { cacheTtl: -1 } }
  if (base === undefined) return request => fetch(request, init)
  return request => {
    const asked = new URL(request.url)
    const target = new Request(`${base.origin}${asked.pathname}${asked.search}`, request)
    target.headers.set('x-forwarded-host', asked.host)
    target.headers.set('x-forwarded-proto', asked.protocol.slice(0, -1))
    return fetch(target, init)
  }
}

/** Begins an exchange with a limit on waiting. A body that is passed on as it comes has none. */
export function createExchange(origin: OriginFetch, limitMs: number, clock: Clock): OriginExchange {
  const controller = new AbortController()
  let isLate = false
  const arm = (): ClockTimer =>
    clock.after(limitMs, () => {
      isLate = true
      controller.abort(new DOMException(`the origin took longer than ${limitMs} ms`, 'TimeoutError'))
    })
  const within = async <T>(work: () => Promise<T>): Promise<T> => {
    const timer = arm()
    try {
      return await work()
    } finally {
      timer.cancel()
    }
  }
  return {
    ask: request => within(() => origin(new Request(request, { signal: controller.signal }))),
    toReply: response => new EdgeReply(response, within),
    get isLate() {
      return isLate
    },
  }
}

class EdgeReply extends FetchReply {
  readonly #within: <T>(work: () => Promise<T>) => Promise<T>

  constructor(response: Response, within: <T>(work: () => Promise<T>) => Promise<T>) {
    super(response)
    this.#within = within
  }

  override collect(limitBytes: number): Promise<Uint8Array | undefined> {
    // workerd decodes what it reads: its bytes are not those that the fields tell of, and their length says nothing about whether they are whole.
    const coding = this.response.headers.get('content-encoding')
    if (coding !== null && coding !== 'identity') return Promise.resolve(undefined)
    return this.#within(() => super.collect(limitBytes))
  }
}
