import { Router } from 'express'

/** What the service says of itself. `degraded` answers requests, with less speed. */
export type HealthCheck = () => Promise<{ readonly status: 'ok' | 'degraded' | 'down' }>

/** `GET /health`: 503 when requests would fail, 200 otherwise. */
export function healthRoutes(health: HealthCheck): Router {
  const routes = Router()
  routes.get('/health', async (_request, response) => {
    const word = await health()
    response.status(word.status === 'down' ? 503 : 200).json(word)
  })
  return routes
}
