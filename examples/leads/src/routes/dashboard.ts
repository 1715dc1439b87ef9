import { Router } from 'express'
import type { Database } from '../database.ts'
import { LEAD_STATUSES } from '../lead-values.ts'
import type { ReadCache } from '../read-cache.ts'

interface Count {
  readonly count: number
  readonly averageScore: number
}

interface Dashboard {
  readonly newestLeadAt: Date | null
  readonly byStatus: readonly (Count & { readonly status: string })[]
  readonly byInsuranceType: readonly (Count & { readonly insuranceType: string })[]
  readonly byDay: readonly (Count & { readonly day: string })[]
  readonly busiestAgents: readonly { readonly id: number; readonly name: string; readonly openLeads: number }[]
}

/** `GET /dashboard`: the leads of the two weeks up to the newest one by status, type and day, and which agents have most to do. */
export function dashboardRoutes(db: Database, cache: ReadCache): Router {
  const routes = Router()
  routes.get('/dashboard', async (_request, response) => {
    response.json(await cache.getOrSet('dashboard', () => readDashboard(db), { ttl: '5s' }))
  })
  return routes
}

interface CountRow extends Count {
  readonly newestLeadAt: Date
  readonly status: string | null
  readonly insuranceType: string | null
  readonly day: string | null
}

export async function readDashboard(db: Database): Promise<Dashboard> {
  const counts = await db.query<CountRow>(
    // All statuses are listed because the index begins with the status: so it is one short range for each.
    // Grouped twice, because sorting ten thousand rows three ways costs more than adding up some hundred groups.
    `with newest as (select created_at as at from lead order by id desc limit 1),
       cell as (
         select l.status, l.insurance_type, date_trunc('day', l.created_at at time zone 'UTC') as day, count(*) as leads, sum(l.quality_score) as score
         from newest, lead l
         where l.status = any($1) and l.created_at > newest.at - interval '14 days'
         group by 1, 2, 3)
     select (select at from newest) as "newestLeadAt", status, insurance_type as "insuranceType", to_char(day, 'YYYY-MM-DD') as day,
       sum(leads)::int as count, round(sum(score) / sum(leads), 1)::float8 as "averageScore"
     from cell
     group by grouping sets ((status), (insurance_type), (day))
     order by cell.status, cell.insurance_type, cell.day`,
    [LEAD_STATUSES],
  )
  const agents = await db.query<Dashboard['busiestAgents'][number]>(
    'select id, name, current_lead_count as "openLeads" from agent where active order by current_lead_count desc, id limit 10',
  )
  return {
    newestLeadAt: counts.rows[0]?.newestLeadAt ?? null,
    byStatus: counts.rows.flatMap(({ status, count, averageScore }) => (status === null ? [] : [{ status, count, averageScore }])),
    byInsuranceType: counts.rows.flatMap(({ insuranceType, count, averageScore }) =>
      insuranceType === null ? [] : [{ insuranceType, count, averageScore }],
    ),
    byDay: counts.rows.flatMap(({ day, count, averageScore }) => (day === null ? [] : [{ day, count, averageScore }])),
    busiestAgents: agents.rows,
  }
}
