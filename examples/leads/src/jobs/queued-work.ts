import type { Jobs } from 'holdfast/jobs'
import type { LeadWork } from '../work/lead-work.ts'
import type { LeadsQueues } from './queues.ts'

/** Hands what follows from a change over to jobs, in the transaction of the change: they run when it commits, and there are none when it rolls back. */
export function queuedWork(jobs: Jobs<LeadsQueues>): LeadWork {
  return {
    async came(tx, leadId) {
      await jobs.enqueue(tx, 'leads', 'score', { leadId })
    },
    async assigned(tx, { leadId, agentId }) {
      await jobs.enqueue(tx, 'notifications', 'assigned', { leadId, agentId })
    },
  }
}
