import type { Transaction } from '../database.ts'
import { Problem } from '../problem.ts'

/** An agent has a lead. */
export interface Assignment {
  readonly id: number
  readonly leadId: number
  readonly agentId: number
  readonly status: string
  readonly assignedAt: Date
}

/** Gives a lead to an agent. Lead first, then agent, in every transaction: two that want the same pair wait for each other and never in a ring.
 *  @throws a 404 or 409 when there is no such lead or agent, or it is closed or not active */
export async function assign(tx: Transaction, leadId: number, agentId: number): Promise<Assignment> {
  const { rows } = await tx.query<Assignment>(
    `with l as (update lead set status = case status when 'new' then 'assigned' else status end where id = $1 and status not in ('won', 'lost') returning id),
       g as (update agent set current_lead_count = current_lead_count + 1 where id = $2 and active and exists (select from l) returning id)
     insert into lead_assignment (lead_id, agent_id) select l.id, g.id from l, g
     returning id, lead_id as "leadId", agent_id as "agentId", status, assigned_at as "assignedAt"`,
    [leadId, agentId],
  )
  const made = rows[0]
  if (made === undefined) return refuse(tx, leadId, agentId)
  tx.invalidate(`lead:${leadId}`, `agent:${agentId}`)
  return made
}

/** Gives a lead that nobody has to the agent of its type with least to do. `undefined`: somebody has it already, or it is gone.
 *  @throws NoAgentFree */
export async function assignFreeAgent(tx: Transaction, leadId: number): Promise<Assignment | undefined> {
  const lead = await tx.query<{ insuranceType: string }>(
    `select insurance_type as "insuranceType" from lead where id = $1 and status = 'new' for update`,
    [leadId],
  )
  const insuranceType = lead.rows[0]?.insuranceType
  if (insuranceType === undefined) return undefined
  // An agent who is being given another lead at this moment is passed over and not waited for.
  const agent = await tx.query<{ id: number }>(
    `select id from agent where active and specialisations @> array[$1::insurance_type] order by current_lead_count, id limit 1 for update skip locked`,
    [insuranceType],
  )
  const agentId = agent.rows[0]?.id
  if (agentId === undefined) throw new NoAgentFree(leadId, insuranceType)
  return assign(tx, leadId, agentId)
}

/** No active agent takes leads of this type. */
export class NoAgentFree extends Error {
  override readonly name = 'NoAgentFree'
  readonly code = 'LEADS_NO_AGENT_FREE'

  constructor(leadId: number, insuranceType: string) {
    super(`no active agent takes leads of the type ${insuranceType}, such as lead ${leadId}`)
  }
}

async function refuse(tx: Transaction, leadId: number, agentId: number): Promise<never> {
  const { rows } = await tx.query<{ isClosed: boolean | null; isActive: boolean | null }>(
    `select (select status in ('won', 'lost') from lead where id = $1) as "isClosed", (select active from agent where id = $2) as "isActive"`,
    [leadId, agentId],
  )
  const { isClosed, isActive } = rows[0]!
  if (isClosed === null) throw new Problem(404, `there is no lead ${leadId}`)
  if (isClosed) throw new Problem(409, `lead ${leadId} is closed`)
  throw isActive === null ? new Problem(404, `there is no agent ${agentId}`) : new Problem(409, `agent ${agentId} is not active`)
}
