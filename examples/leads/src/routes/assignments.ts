import { Router } from 'express'
import type { Database, Transaction } from '../database.ts'
import { readInput } from '../input.ts'
import { Problem } from '../problem.ts'

interface Assignment {
  readonly id: number
  readonly leadId: number
  readonly agentId: number
  readonly status: string
  readonly assignedAt: Date
}

/** `POST /assignments`: gives a lead to an agent. */
export function assignmentRoutes(db: Database): Router {
  const routes = Router()
  routes.post('/assignments', async (request, response) => {
    const input = readInput('body', request.body)
    const leadId = input.integer('leadId')
    const agentId = input.integer('agentId')
    input.done()
    const assignment = await db.transaction(async tx => {
      const made = await assign(tx, leadId, agentId)
      tx.invalidate(`lead:${leadId}`, `agent:${agentId}`)
      return made
    })
    response.status(201).location(`/leads/${leadId}`).json(assignment)
  })
  return routes
}

/** Lead first, then agent, in every transaction: two that want the same pair wait for each other and never in a ring. */
async function assign(tx: Transaction, leadId: number, agentId: number): Promise<Assignment> {
  const lead = await tx.query(
    `update lead set status = case status when 'new' then 'assigned' else status end where id = $1 and status not in ('won', 'lost') returning id`,
    [leadId],
  )
  if (lead.rowCount === 0) await refuse(tx, 'lead', leadId, 'is closed')
  const agent = await tx.query('update agent set current_lead_count = current_lead_count + 1 where id = $1 and active returning id', [agentId])
  if (agent.rowCount === 0) await refuse(tx, 'agent', agentId, 'is not active')
  const { rows } = await tx.query<Assignment>(
    `insert into lead_assignment (lead_id, agent_id) values ($1, $2)
     returning id, lead_id as "leadId", agent_id as "agentId", status, assigned_at as "assignedAt"`,
    [leadId, agentId],
  )
  return rows[0]!
}

async function refuse(tx: Transaction, table: 'lead' | 'agent', id: number, why: string): Promise<never> {
  const found = await tx.query(`select 1 from ${table} where id = $1`, [id])
  throw found.rowCount === 0 ? new Problem(404, `there is no ${table} ${id}`) : new Problem(409, `${table} ${id} ${why}`)
}
