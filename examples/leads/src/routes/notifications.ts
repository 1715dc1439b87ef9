import { Router } from 'express'
import type { Database } from '../database.ts'
import { readId } from '../input.ts'

/** `GET /agents/:id/notifications`: what an agent was told, the newest twenty. Not cached: it is read once. */
export function notificationRoutes(db: Database): Router {
  const routes = Router()
  routes.get('/agents/:id/notifications', async (request, response) => {
    const { rows } = await db.query(
      'select id, lead_id as "leadId", text, created_at as "createdAt" from notification where agent_id = $1 order by id desc limit 20',
      [readId(request.params)],
    )
    response.json({ notifications: rows })
  })
  return routes
}
