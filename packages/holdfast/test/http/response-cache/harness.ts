import { type FakeClock, fakeClock } from '@holdfast/testkit'
import { createTieredCache } from '../../../src/cache/index.ts'
import { formatHttpDate } from '../../../src/http/fields/http-date.ts'
import { createResponseCache, type ResponseCache, type ResponseCacheOptions } from '../../../src/http/index.ts'
import { createRegistry } from '../../../src/telemetry/index.ts'

export const ORIGIN = 'http://shop.test'

export interface Asked {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** `X-Cache`. */
  readonly cache: string | null
}

export interface Shop {
  readonly clock: FakeClock
  readonly cache: ResponseCache
  /** Requests that reached the handler. */
  readonly seen: Request[]
  ask(path?: string, headers?: Record<string, string>, method?: string): Promise<Asked>
  /** What the handler answers from now on; `now` is a Date as of the moment of the answer. */
  answer(make: (request: Request, call: number) => Response | Promise<Response>): void
  date(offsetSec?: number): string
}

/** A response cache over memory in front of a handler, on a clock that stands. */
export function openShop(options: ResponseCacheOptions = {}): Shop {
  const clock = fakeClock()
  const registry = createRegistry()
  const cache = createResponseCache(options, { cache: createTieredCache({ jitter: 0 }, { clock, registry }), registry, clock })
  const seen: Request[] = []
  let make: (request: Request, call: number) => Response | Promise<Response> = () => new Response('nothing', { status: 404 })
  const handler = (request: Request): Response | Promise<Response> => {
    seen.push(request)
    return make(request, seen.length)
  }
  return {
    clock,
    cache,
    seen,
    ask: async (path = '/a', headers = {}, method = 'GET') => {
      const response = await cache.fetch(new Request(ORIGIN + path, { method, headers }), handler)
      return { status: response.status, headers: response.headers, text: await response.text(), cache: response.headers.get('x-cache') }
    },
    answer: made => {
      make = made
    },
    date: (offsetSec = 0) => formatHttpDate(clock.nowMs() + offsetSec * 1000),
  }
}

/** A 200 whose body is `call <n>`, with these fields. */
export function page(call: number, headers: Record<string, string> = {}): Response {
  return new Response(`call ${call}`, { headers })
}
