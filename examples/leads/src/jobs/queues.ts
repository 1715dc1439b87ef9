import type { Holdfast } from 'holdfast'
import type { Warming } from 'holdfast/cache'
import { defineJob, type JobDefinition, type QueueDefinition } from 'holdfast/jobs'
import type { Pool } from 'pg'
import { assignFreeAgent } from '../work/assign-lead.ts'
import { notifyAgent } from '../work/notify-agent.ts'
import { scoreLead } from '../work/score-lead.ts'
import { EVENT_ARCHIVE, STANDING_VIEW } from './upkeep.ts'

/** The queues of the service, with the payloads of their jobs. */
export type LeadsQueues = {
  readonly leads: QueueDefinition<{ readonly score: JobDefinition<LeadPayload>; readonly assign: JobDefinition<LeadPayload> }>
  readonly notifications: QueueDefinition<{ readonly assigned: JobDefinition<AssignedPayload> }>
  readonly upkeep: QueueDefinition<{
    readonly 'archive-events': JobDefinition<null>
    readonly 'refresh-standings': JobDefinition<null>
    readonly 'warm-cache': JobDefinition<null>
  }>
}

interface LeadPayload {
  readonly leadId: number
}

interface AssignedPayload {
  readonly leadId: number
  readonly agentId: number
}

/** What jobs work with. The first of them may have to wait for it. */
export interface JobWorld {
  readonly hf: Holdfast<Pool, never, Record<never, never>, LeadsQueues>
  /** Absent where nothing is cached. */
  readonly warming: Warming | undefined
}

/** The jobs. Those of leads have one effect each in PostgreSQL, once, and hand over what follows in the same transaction. */
export function leadsQueues(world: Promise<JobWorld>): LeadsQueues {
  return { leads: leads(world), notifications: notifications(world), upkeep: upkeep(world) }
}

function leads(world: Promise<JobWorld>): LeadsQueues['leads'] {
  return {
    concurrency: 2,
    attempts: 5,
    backoff: { base: '1s', ceiling: '1m' },
    timeout: '10s',
    jobs: {
      score: defineJob<LeadPayload>({
        async run(job) {
          const { hf } = await world
          await job.transaction(hf.pg, async tx => {
            if (!(await job.once(tx))) return
            await scoreLead(tx, job.payload.leadId)
            await hf.jobs.enqueue(tx, 'leads', 'assign', job.payload)
          })
        },
      }),
      // Behind the scores: who waits for an agent waits minutes, and a list is sorted by score at once.
      assign: defineJob<LeadPayload>({
        priority: 1,
        attempts: 3,
        async run(job) {
          const { hf } = await world
          return job.transaction(hf.pg, async tx => {
            if (!(await job.once(tx))) return null
            const made = await assignFreeAgent(tx, job.payload.leadId)
            if (made === undefined) return null
            await hf.jobs.enqueue(tx, 'notifications', 'assigned', { leadId: made.leadId, agentId: made.agentId })
            return { agentId: made.agentId }
          })
        },
      }),
    },
  }
}

function notifications(world: Promise<JobWorld>): LeadsQueues['notifications'] {
  return {
    concurrency: 2,
    attempts: 8,
    backoff: { base: '2s', ceiling: '5m' },
    timeout: '10s',
    jobs: {
      assigned: defineJob<AssignedPayload>({
        async run(job) {
          const { hf } = await world
          await job.transaction(hf.pg, async tx => {
            if (await job.once(tx)) await notifyAgent(tx, job.payload)
          })
        },
      }),
    },
  }
}

/** By the clock, one after the other: each keeps the database busy. All of them are safe to repeat, so they need no fence. */
function upkeep(world: Promise<JobWorld>): LeadsQueues['upkeep'] {
  return {
    concurrency: 1,
    globalConcurrency: 1,
    attempts: 3,
    backoff: { base: '30s', ceiling: '10m' },
    timeout: '15m',
    jobs: {
      'archive-events': defineJob<null>({
        async run({ signal }) {
          const { hf } = await world
          const { rowCount, leftCount } = await hf.upkeep.archive.run(EVENT_ARCHIVE, { signal })
          return { rowCount, leftCount }
        },
      }),
      'refresh-standings': defineJob<null>({
        async run({ signal }) {
          const { hf } = await world
          await hf.upkeep.views.refresh(STANDING_VIEW, { signal })
        },
      }),
      'warm-cache': defineJob<null>({
        async run({ signal }) {
          const { warming } = await world
          const report = await warming?.warm({ signal })
          return report === undefined ? null : report.sources.map(({ source, outcome, loaded }) => ({ source, outcome, loaded }))
        },
      }),
    },
  }
}
