import { PrismaPg } from '@prisma/adapter-pg'
import type pg from 'pg'
import type { Leads } from './leads.ts'
import { PrismaClient } from './prisma-client/client.ts'

/** The leads schema through Prisma and its adapter for `pg`. */
export function prismaLeads(pool: pg.Pool, wrap: <Db extends object>(db: Db) => Db = db => db): Leads {
  const client = new PrismaClient({ adapter: new PrismaPg(pool) })
  const db = wrap(client)
  return {
    agent: id => db.agent.findUnique({ where: { id } }),
    newest: count => db.lead.findMany({ where: { status: 'new', qualityScore: { gte: 20 } }, orderBy: { createdAt: 'desc' }, take: count }),
    withAgents: leadId => db.leadAssignment.findMany({ where: { leadId }, include: { agent: true, lead: true }, orderBy: { id: 'asc' } }),
    add: zipCode =>
      db.lead.create({
        data: { insuranceType: 'home', qualityScore: 50, zipCode, source: 'phone', contactName: 'Ada', createdAt: new Date(0) },
      }),
    assign: (leadId, agentId, fails) =>
      db.$transaction(async tx => {
        const added = await tx.leadAssignment.create({ data: { leadId, agentId, assignedAt: new Date(0) }, select: { id: true } })
        await tx.agent.update({ where: { id: agentId }, data: { currentLeadCount: { increment: 1 } } })
        if (fails) throw new Error('no')
        return added
      }),
    remove: zipCode => db.lead.deleteMany({ where: { zipCode } }),
    count: async () => [
      await db.$queryRaw`select count(*)::int as n from lead_assignment where agent_id = ${3}`,
      await db.$transaction([db.agent.count(), db.lead.count({ where: { status: 'new' } })]),
    ],
    // Prisma reads with cursors of its own making: pages by key.
    async stream() {
      const ids: number[] = []
      for (let after = 0; ; after = ids.at(-1)!) {
        const page = await db.lead.findMany({ where: { id: { gt: after } }, orderBy: { id: 'asc' }, take: 64, select: { id: true } })
        if (page.length === 0) return ids
        ids.push(...page.map(({ id }) => id))
      }
    },
    close: () => client.$disconnect(),
  }
}
