import { Router } from 'express'
import type { Database } from '../database.ts'
import type { ReadCache } from '../read-cache.ts'

/** `GET /carriers`: the active partners, best first. They change a few times a year. */
export function carrierRoutes(db: Database, cache: ReadCache): Router {
  const routes = Router()
  routes.get('/carriers', async (_request, response) => {
    response.json({ carriers: await cache.getOrSet('carriers', () => readCarriers(db), { ttl: '300s' }) })
  })
  return routes
}

export async function readCarriers(db: Database): Promise<unknown[]> {
  const { rows } = await db.query(
    `select id, name, tier, score from carrier where active and partnership_status = 'partner' order by tier, score desc, id`,
  )
  return rows
}
