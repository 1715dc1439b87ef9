import { and, eq, gte, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/node-postgres'
import { boolean, integer, numeric, pgTable, smallint, text, timestamp } from 'drizzle-orm/pg-core'
import type pg from 'pg'
import Cursor from 'pg-cursor'
import type { Leads } from './leads.ts'

const agent = pgTable('agent', {
  id: integer('id').primaryKey().generatedByDefaultAsIdentity(),
  name: text('name').notNull(),
  active: boolean('active').notNull(),
  rating: numeric('rating').notNull(),
  currentLeadCount: integer('current_lead_count').notNull(),
})
const lead = pgTable('lead', {
  id: integer('id').primaryKey().generatedByDefaultAsIdentity(),
  status: text('status').notNull().default('new'),
  insuranceType: text('insurance_type').notNull(),
  qualityScore: smallint('quality_score').notNull(),
  zipCode: text('zip_code').notNull(),
  source: text('source').notNull(),
  contactName: text('contact_name').notNull(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
})
const assignment = pgTable('lead_assignment', {
  id: integer('id').primaryKey().generatedByDefaultAsIdentity(),
  leadId: integer('lead_id').notNull(),
  agentId: integer('agent_id').notNull(),
  status: text('status').notNull().default('open'),
})

/** The leads schema through Drizzle. */
export function drizzleLeads(pool: pg.Pool, wrap: <Db extends object>(db: Db) => Db = db => db): Leads {
  const db = wrap(drizzle(pool))
  return {
    agent: id => db.select().from(agent).where(eq(agent.id, id)),
    newest: count =>
      db
        .select()
        .from(lead)
        .where(and(eq(lead.status, 'new'), gte(lead.qualityScore, 20)))
        .orderBy(sql`${lead.createdAt} desc`)
        .limit(count),
    withAgents: leadId =>
      db.select().from(assignment).innerJoin(agent, eq(assignment.agentId, agent.id)).where(eq(assignment.leadId, leadId)).orderBy(assignment.id),
    add: zipCode =>
      db
        .insert(lead)
        .values({ insuranceType: 'home', qualityScore: 50, zipCode, source: 'phone', contactName: 'Ada', createdAt: new Date(0) })
        .returning(),
    assign: (leadId, agentId, fails) =>
      db.transaction(async tx => {
        const added = await tx.insert(assignment).values({ leadId, agentId }).returning({ id: assignment.id })
        await tx
          .update(agent)
          .set({ currentLeadCount: sql`${agent.currentLeadCount} + 1` })
          .where(eq(agent.id, agentId))
        if (fails) throw new Error('no')
        return added
      }),
    remove: async zipCode => (await db.delete(lead).where(eq(lead.zipCode, zipCode))).rowCount,
    count: async () => (await db.execute(sql`select count(*)::int as n from lead_assignment where agent_id = ${3}`)).rows,
    async stream() {
      const query = db.select({ id: lead.id }).from(lead).orderBy(lead.id).toSQL()
      const client = await pool.connect()
      const cursor = client.query(new Cursor<{ id: number }>(query.sql, query.params))
      const ids: number[] = []
      for (let rows = await cursor.read(64); rows.length > 0; rows = await cursor.read(64)) ids.push(...rows.map(row => row.id))
      client.release()
      return ids
    },
    async close() {},
  }
}
