import { Router } from 'express'
import type { Database } from '../database.ts'
import { readInput } from '../input.ts'
import { assign } from '../work/assign-lead.ts'
import type { LeadWork } from '../work/lead-work.ts'

/** `POST /assignments`: gives a lead to an agent. */
export function assignmentRoutes(db: Database, work: LeadWork): Router {
  const routes = Router()
  routes.post('/assignments', async (request, response) => {
    const input = readInput('body', request.body)
    const leadId = input.integer('leadId')
    const agentId = input.integer('agentId')
    input.done()
    const assignment = await db.transaction(async tx => {
      const made = await assign(tx, leadId, agentId)
      await work.assigned(tx, made)
      return made
    })
    response.status(201).location(`/leads/${leadId}`).json(assignment)
  })
  return routes
}
