import express from 'express'
import { holdfast } from 'holdfast'
import { express as attach, instance, metrics } from 'holdfast/express'
import type { Pool } from 'pg'
import { log } from './log.ts'
import { mountRoutes } from './mount-routes.ts'
import { noCache } from './read-cache.ts'
import type { Service, ServiceOptions } from './service.ts'
import { createLeadsWarming } from './warming.ts'

/** The service with Holdfast: in the mode `observe` it measures, in the mode `cache` it caches as well.
 *  Redis is known in both: what an observing process writes has to be forgotten by those beside it that cache. */
export async function createHoldfastService(pool: Pool, { mode, redisUrl, cacheNamespace, instanceToken }: ServiceOptions): Promise<Service> {
  const hf = await holdfast({ pg: pool, redis: redisUrl, cache: { namespace: cacheNamespace }, service: 'leads', logger: log })
  const app = express().use(attach(hf))
  app.get('/metrics', metrics(hf))
  app.get('/holdfast/instance', instance(hf, { token: instanceToken }))
  mountRoutes(app, hf.pg, mode === 'cache' ? hf.cache : noCache, async () => hf.health())
  if (mode === 'cache') await createLeadsWarming(hf.cache, hf.pg).start()
  return { app, stop: () => hf.stop() }
}
