import express from 'express'
import type { Pool } from 'pg'
import { plainDatabase } from './database.ts'
import { mountRoutes } from './mount-routes.ts'
import { noCache } from './read-cache.ts'
import type { Service } from './service.ts'
import { workAtOnce } from './work/lead-work.ts'

/** The service without Holdfast: the pool, and nothing between it and the routes. */
export function createPlainService(pool: Pool): Service {
  const app = express()
  mountRoutes(app, plainDatabase(pool), noCache, workAtOnce, async () => {
    const isUp = await pool.query('select 1').then(
      () => true,
      () => false,
    )
    return { status: isUp ? 'ok' : 'down' }
  })
  return { app, endStreams: async () => {}, stop: async () => {} }
}
