import type { Transaction } from '../database.ts'
import { assignFreeAgent } from './assign-lead.ts'
import { notifyAgent } from './notify-agent.ts'
import { scoreLead } from './score-lead.ts'

/** What has to be done because of a change. It belongs to the transaction of that change: done in it, or handed over with it to jobs that run once it has committed. */
export interface LeadWork {
  /** A lead came: it wants a score and an agent. */
  came(tx: Transaction, leadId: number): Promise<void>
  /** An agent was given a lead: the agent wants to know. */
  assigned(tx: Transaction, made: { readonly leadId: number; readonly agentId: number }): Promise<void>
}

/** Does it at once, while the client waits: the service without jobs. */
export const workAtOnce: LeadWork = {
  async came(tx, leadId) {
    await scoreLead(tx, leadId)
    const made = await assignFreeAgent(tx, leadId)
    if (made !== undefined) await notifyAgent(tx, made)
  },
  assigned: notifyAgent,
}
