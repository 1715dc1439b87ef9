import { Router } from 'express'
import type { Database } from '../database.ts'
import { readId, readInput } from '../input.ts'
import { INSURANCE_TYPES, type InsuranceType, LEAD_STATUSES, type LeadStatus } from '../lead-values.ts'
import { Problem } from '../problem.ts'
import type { ReadCache } from '../read-cache.ts'

interface LeadRow {
  readonly id: number
  readonly status: LeadStatus
  readonly insuranceType: InsuranceType
  readonly qualityScore: number
  readonly zipCode: string
  readonly source: string
  readonly contactName: string
  readonly createdAt: Date
}

const LEAD_COLUMNS = `
  l.id, l.status, l.insurance_type as "insuranceType", l.quality_score as "qualityScore", l.zip_code as "zipCode",
  l.source, l.contact_name as "contactName", l.created_at as "createdAt"`

/** Where the page before ended: time and id of its last lead. */
const CURSOR = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z_[1-9]\d{0,8}$/

/** `GET /leads` and `GET /leads/:id`. */
export function leadRoutes(db: Database, cache: ReadCache): Router {
  const routes = Router()

  routes.get('/leads', async (request, response) => {
    const input = readInput('query', request.query)
    const filter: LeadFilter = {
      status: input.oneOfOr('status', LEAD_STATUSES, 'new'),
      insuranceType: input.oneOfOr('type', INSURANCE_TYPES, null),
      zipCode: input.matchingOr('zip', /^\d{5}$/, 'five digits', null),
      limit: input.integerOr('limit', 20, { max: 100 }),
      before: input.matchingOr('before', CURSOR, 'the `next` of an earlier answer', null),
    }
    input.done()
    const key = `leads:${Object.values(filter).join(':')}`
    response.json(await cache.getOrSet(key, () => listLeads(db, filter), { ttl: '5s' }))
  })

  routes.get('/leads/:id', async (request, response) => {
    const id = readId(request.params)
    const lead = await cache.getOrSet(`lead:${id}`, () => readLead(db, id), { ttl: '30s', tags: [`lead:${id}`] })
    if (lead === null) throw new Problem(404, `there is no lead ${id}`)
    response.json(lead)
  })

  return routes
}

interface LeadFilter {
  readonly status: LeadStatus
  readonly insuranceType: InsuranceType | null
  readonly zipCode: string | null
  readonly limit: number
  readonly before: string | null
}

/** Newest first. Pages by key, not by offset, so that the hundredth page costs what the first does. */
async function listLeads(
  db: Database,
  { status, insuranceType, zipCode, limit, before }: LeadFilter,
): Promise<{ leads: LeadRow[]; next: string | null }> {
  const values: unknown[] = [status, limit]
  const conditions = ['l.status = $1']
  if (insuranceType !== null) conditions.push(`l.insurance_type = $${values.push(insuranceType)}`)
  if (zipCode !== null) conditions.push(`l.zip_code = $${values.push(zipCode)}`)
  if (before !== null) {
    const [createdAt, id] = before.split('_')
    conditions.push(`(l.created_at, l.id) < ($${values.push(createdAt)}, $${values.push(Number(id))})`)
  }
  const { rows } = await db.query<LeadRow>(
    `select ${LEAD_COLUMNS} from lead l where ${conditions.join(' and ')} order by l.created_at desc, l.id desc limit $2`,
    values,
  )
  const last = rows.at(-1)
  return { leads: rows, next: last !== undefined && rows.length === limit ? `${last.createdAt.toISOString()}_${last.id}` : null }
}

interface LeadDetail extends LeadRow {
  readonly assignments: readonly { id: number; agentId: number; agentName: string; status: string; assignedAt: string }[]
  readonly events: readonly { id: number; type: string; source: string; occurredAt: string }[]
}

async function readLead(db: Database, id: number): Promise<LeadDetail | null> {
  const { rows } = await db.query<LeadDetail>(
    `select ${LEAD_COLUMNS},
       (select coalesce(json_agg(a order by a."assignedAt" desc, a.id desc), '[]') from (
          select a.id, a.agent_id as "agentId", g.name as "agentName", a.status, a.assigned_at as "assignedAt"
          from lead_assignment a join agent g on g.id = a.agent_id where a.lead_id = l.id) a) as assignments,
       (select coalesce(json_agg(e order by e."occurredAt" desc, e.id desc), '[]') from (
          select e.id, e.type, e.source, e.occurred_at as "occurredAt"
          from event e where e.entity_type = 'lead' and e.entity_id = l.id order by e.occurred_at desc, e.id desc limit 10) e) as events
     from lead l where l.id = $1`,
    [id],
  )
  const lead = rows[0]
  if (lead === undefined) return null
  return {
    ...lead,
    // JSON made in the server has its own way to write a time.
    assignments: lead.assignments.map(assignment => ({ ...assignment, assignedAt: new Date(assignment.assignedAt).toISOString() })),
    events: lead.events.map(event => ({ ...event, occurredAt: new Date(event.occurredAt).toISOString() })),
  }
}
