import express, { type Express } from 'express'
import type { Database } from './database.ts'
import { notFound, problemHandler } from './problem.ts'
import type { ReadCache } from './read-cache.ts'
import { agentRoutes } from './routes/agents.ts'
import { assignmentRoutes } from './routes/assignments.ts'
import { carrierRoutes } from './routes/carriers.ts'
import { dashboardRoutes } from './routes/dashboard.ts'
import { eventRoutes } from './routes/events.ts'
import { type HealthCheck, healthRoutes } from './routes/health.ts'
import { leadRoutes } from './routes/leads.ts'
import { newLeadRoutes } from './routes/new-leads.ts'
import { notificationRoutes } from './routes/notifications.ts'
import { standingRoutes } from './routes/standings.ts'
import type { LeadWork } from './work/lead-work.ts'

/** The routes of the service, over any database and cache; what follows from a change is for `work`. Comes last: what no route answers gets a 404. */
export function mountRoutes(app: Express, db: Database, cache: ReadCache, work: LeadWork, health: HealthCheck): void {
  app.disable('x-powered-by')
  app.use(express.json({ limit: '16kb' }))
  app.use(healthRoutes(health), leadRoutes(db, cache), agentRoutes(db, cache), dashboardRoutes(db, cache), carrierRoutes(db, cache))
  app.use(standingRoutes(db, cache), notificationRoutes(db))
  app.use(newLeadRoutes(db, work), assignmentRoutes(db, work), eventRoutes(db))
  app.use(notFound, problemHandler)
}
