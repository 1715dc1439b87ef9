import { type Generated, Kysely, PostgresDialect, sql } from 'kysely'
import type pg from 'pg'
import Cursor from 'pg-cursor'
import type { Leads } from './leads.ts'

interface Tables {
  agent: { id: Generated<number>; name: string; current_lead_count: Generated<number> }
  lead: {
    id: Generated<number>
    status: Generated<string>
    insurance_type: string
    quality_score: number
    zip_code: string
    source: string
    contact_name: string
    created_at: Generated<Date>
  }
  lead_assignment: { id: Generated<number>; lead_id: number; agent_id: number; status: Generated<string> }
}

/** The leads schema through Kysely. */
export function kyselyLeads(pool: pg.Pool): Leads {
  // Kysely ends the pool when it is destroyed; the pool is the test's.
  const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) })
  return {
    agent: id => db.selectFrom('agent').selectAll().where('id', '=', id).execute(),
    newest: count =>
      db
        .selectFrom('lead')
        .selectAll()
        .where('status', '=', 'new')
        .where('quality_score', '>=', 20)
        .orderBy('created_at', 'desc')
        .limit(count)
        .execute(),
    withAgents: leadId =>
      db
        .selectFrom('lead_assignment')
        .innerJoin('agent', 'agent.id', 'lead_assignment.agent_id')
        .select(['lead_assignment.id', 'agent.name'])
        .where('lead_id', '=', leadId)
        .orderBy('lead_assignment.id')
        .execute(),
    add: zipCode =>
      db
        .insertInto('lead')
        .values({ insurance_type: 'home', quality_score: 50, zip_code: zipCode, source: 'phone', contact_name: 'Ada', created_at: new Date(0) })
        .returningAll()
        .execute(),
    assign: (leadId, agentId, fails) =>
      db.transaction().execute(async tx => {
        const added = await tx.insertInto('lead_assignment').values({ lead_id: leadId, agent_id: agentId }).returning('id').execute()
        await tx.updateTable('agent').set({ current_lead_count: sql`current_lead_count + 1` }).where('id', '=', agentId).execute()
        if (fails) throw new Error('no')
        return added
      }),
    remove: async zipCode => (await db.deleteFrom('lead').where('zip_code', '=', zipCode).execute()).map(({ numDeletedRows }) => `${numDeletedRows}`),
    count: async () => (await sql`select count(*)::int as n from lead_assignment where agent_id = ${3}`.execute(db)).rows,
    async stream() {
      const ids: number[] = []
      for await (const { id } of db.selectFrom('lead').select('id').orderBy('id').stream(64)) ids.push(id)
      return ids
    },
    async close() {},
  }
}
