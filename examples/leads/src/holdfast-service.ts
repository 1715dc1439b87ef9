import { randomBytes } from 'node:crypto'
import express, { type Express } from 'express'
import { express as attach, compress, instance, metrics, rateLimit, responseCache } from 'holdfast/express'
import { createRateLimiter } from 'holdfast/http'
import type { Pool } from 'pg'
import { holdfastProblems } from './holdfast-problems.ts'
import { mountRoutes } from './mount-routes.ts'
import { noCache } from './read-cache.ts'
import { leadV2Routes } from './routes/leads-v2.ts'
import { createAssignmentsLive, liveRoutes } from './routes/live.ts'
import type { Service, ServiceOptions } from './service.ts'
import { type LeadsHoldfast, startHoldfast } from './start-holdfast.ts'

/** The service with Holdfast: in the mode `observe` it measures, in the mode `cache` it caches as well; in both, jobs do what no client has to wait for.
 *  Redis is known in both: what an observing process writes has to be forgotten by those beside it that cache. */
export async function createHoldfastService(pool: Pool, options: ServiceOptions): Promise<Service> {
  const { mode, instanceToken, workers } = options
  const { hf, work, stop } = await startHoldfast(pool, { ...options, worksJobs: workers === 'inside' })
  const app = express().use(attach(hf))
  app.get('/metrics', metrics(hf))
  app.get('/holdfast/instance', instance(hf, { token: instanceToken }))
  const endStreams = mode === 'cache' ? await mountWhatCaches(app, hf, options) : async () => {}
  mountRoutes(app, hf.pg, mode === 'cache' ? hf.cache : noCache, work, async () => hf.health())
  return { app, endStreams, stop }
}

/** What stands before the routes in the mode `cache`, and the routes that only it has. Events before the rest: nothing is to hold them. */
async function mountWhatCaches(app: Express, hf: LeadsHoldfast['hf'], options: ServiceOptions): Promise<() => Promise<void>> {
  const { requestsPerMinute, liveToken, cursorSecret = randomBytes(32).toString('hex') } = options
  const live = createAssignmentsLive(hf.cache, liveToken)
  await live.start()
  app.use(liveRoutes(live))
  app.use(compress(hf), responseCache(hf.responses))
  const limited = rateLimit(createRateLimiter({ name: 'leads', limit: requestsPerMinute, per: '1m' }, hf.cache))
  app.post(['/leads', '/assignments', '/events'], limited)
  app.use('/v2', limited)
  app.use(leadV2Routes(hf.pg, cursorSecret), holdfastProblems)
  return () => live.stop()
}
