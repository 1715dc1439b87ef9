import type { FetchHandler, ResponseCache } from '../http/index.ts'
import { type LambdaEvent, toRequest } from './lambda-event.ts'
import { type LambdaResult, toResult } from './lambda-result.ts'

export type { LambdaEvent, LambdaResult }

/** A handler for Lambda that answers from the response cache or from `handler`. What the cache fetches anew in the background is awaited before it returns,
 *  because Lambda stops the process then: with `stale-while-revalidate` the caller waits for the new answer and gets the stale one. The scheme is what AWS
 *  says: `X-Forwarded-Proto` and `X-Forwarded-Port` do not reach the handler. Rejects with what `handler` rejects with. */
export function lambda(cache: ResponseCache, handler: FetchHandler): (event: LambdaEvent) => Promise<LambdaResult> {
  return async event => {
    const { request, url } = toRequest(event)
    const response = await cache.fetch(request, handler, { url })
    const result = await toResult(event, response)
    await cache.idle()
    return result
  }
}
