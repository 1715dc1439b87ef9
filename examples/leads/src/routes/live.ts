import { createHash, timingSafeEqual } from 'node:crypto'
import { type Request, Router } from 'express'
import type { TieredCache } from 'holdfast/cache'
import { createLiveUpdates, type LiveUpdates } from 'holdfast/http'
import { readId } from '../input.ts'

/** Tells clients what changes. Heard by the holder of the token alone; without a token by nobody. */
export function createAssignmentsLive(cache: TieredCache, token: string | undefined): LiveUpdates<Request> {
  const expected = token === undefined ? undefined : digest(`Bearer ${token}`)
  return createLiveUpdates<Request>(
    {
      name: 'assignments',
      authorize: request => expected !== undefined && timingSafeEqual(digest(request.get('authorization') ?? ''), expected),
    },
    cache,
  )
}

/** `GET /agents/:id/live`: server-sent events `invalidated` each time the leads of the agent change. No route sends them: an assignment invalidates the tag of its
 *  agent when its transaction commits, in whichever process. */
export function liveRoutes(live: LiveUpdates<Request>): Router {
  const routes = Router()
  routes.get('/agents/:id/live', async (request, response) => {
    await live.serve(request, response, { tags: [`agent:${readId(request.params)}`] })
  })
  return routes
}

/** Of one length, so that comparing takes the same time whatever is sent. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
