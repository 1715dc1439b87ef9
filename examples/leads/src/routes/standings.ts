import { Router } from 'express'
import type { Database } from '../database.ts'
import type { ReadCache } from '../read-cache.ts'

/** Agents with fewer closed leads say nothing by their share. */
const LEAST_CLOSED = 5

/** `GET /standings`: the twenty agents who win most of what they close, as of the last refresh of the materialized view. */
export function standingRoutes(db: Database, cache: ReadCache): Router {
  const routes = Router()
  routes.get('/standings', async (_request, response) => {
    response.json({ agents: await cache.getOrSet('standings', () => readStandings(db), { ttl: '300s', tags: ['standings'] }) })
  })
  return routes
}

async function readStandings(db: Database): Promise<unknown[]> {
  const { rows } = await db.query(
    `select g.id, g.name, s.assignments, s.won, s.closed, round(s.won::numeric / s.closed, 3)::float8 as "wonShare"
     from agent_standing s join agent g on g.id = s.agent_id where s.closed >= $1 and g.active order by "wonShare" desc, s.closed desc, g.id limit 20`,
    [LEAST_CLOSED],
  )
  return rows
}
