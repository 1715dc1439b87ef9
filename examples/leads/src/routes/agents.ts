import { Router } from 'express'
import type { Database } from '../database.ts'
import { readId, readInput } from '../input.ts'
import { ASSIGNMENT_STATUSES, type AssignmentStatus } from '../lead-values.ts'
import { Problem } from '../problem.ts'
import type { ReadCache } from '../read-cache.ts'

interface AgentLead {
  readonly assignmentId: number
  readonly assignmentStatus: AssignmentStatus
  readonly assignedAt: Date
  readonly leadId: number
  readonly leadStatus: string
  readonly insuranceType: string
  readonly qualityScore: number
  readonly zipCode: string
  readonly contactName: string
}

/** `GET /agents/:id/leads`: the twenty assignments of an agent that are newest, the open ones unless another status is asked for. */
export function agentRoutes(db: Database, cache: ReadCache): Router {
  const routes = Router()

  routes.get('/agents/:id/leads', async (request, response) => {
    const id = readId(request.params)
    const input = readInput('query', request.query)
    const status = input.oneOfOr('status', ASSIGNMENT_STATUSES, 'open')
    input.done()
    const leads = await cache.getOrSet(agentLeadsKey(id, status), () => readAgentLeads(db, id, status), { ttl: '30s', tags: [`agent:${id}`] })
    if (leads === null) throw new Problem(404, `there is no agent ${id}`)
    response.json({ agentId: id, status, leads })
  })

  return routes
}

/** What the cache holds for one agent and status. */
export function agentLeadsKey(id: number, status: AssignmentStatus): string {
  return `agent:${id}:leads:${status}`
}

/** Null when there is no such agent. */
export async function readAgentLeads(db: Database, id: number, status: AssignmentStatus): Promise<AgentLead[] | null> {
  const { rows } = await db.query<AgentLead>(
    `select a.id as "assignmentId", a.status as "assignmentStatus", a.assigned_at as "assignedAt", l.id as "leadId", l.status as "leadStatus",
       l.insurance_type as "insuranceType", l.quality_score as "qualityScore", l.zip_code as "zipCode", l.contact_name as "contactName"
     from lead_assignment a join lead l on l.id = a.lead_id
     where a.agent_id = $1 and a.status = $2
     order by a.assigned_at desc limit 20`,
    [id, status],
  )
  if (rows.length > 0) return rows
  const agent = await db.query('select 1 from agent where id = $1', [id])
  return agent.rows.length > 0 ? rows : null
}
