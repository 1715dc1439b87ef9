import type { UpkeepOptions } from 'holdfast'
import type { Jobs } from 'holdfast/jobs'
import type { LeadsQueues } from './queues.ts'

/** Names of what the jobs of the queue `upkeep` do. */
export const EVENT_ARCHIVE = 'old-events'
export const STANDING_VIEW = 'agent_standing'

/** Without schedules of their own: jobs run them, so that a failure is tried again and stands among the dead letters. */
export const UPKEEP: UpkeepOptions = {
  views: [{ view: STANDING_VIEW, tags: ['standings'] }],
  archive: [{ name: EVENT_ARCHIVE, table: 'event', action: 'move', olderThan: { column: 'occurred_at', age: '400d' } }],
}

/** Where the marketplace works. */
const TIME_ZONE = 'America/New_York'

/** Sets the schedules of the service; what is set already is changed to this. Each process may do it at its start: they are kept in Redis, once. */
export async function setSchedules(jobs: Jobs<LeadsQueues>): Promise<void> {
  const daily = (cron: string) => ({ payload: null, schedule: { cron, timeZone: TIME_ZONE } }) as const
  await jobs.schedule('upkeep', 'archive-events', { name: 'archive-events', ...daily('0 3 * * *') })
  await jobs.schedule('upkeep', 'refresh-standings', { name: 'refresh-standings', ...daily('7 6-20 * * 1-5') })
  // Before the first agents come.
  await jobs.schedule('upkeep', 'warm-cache', { name: 'warm-cache', ...daily('55 7 * * 1-5') })
}
