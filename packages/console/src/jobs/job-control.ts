import type { Logger } from 'holdfast/core'
import type {
  DeadLetterTarget,
  JobDetail,
  JobFilter,
  JobSchedule,
  JobState,
  JobStore,
  PageOptions,
  QueueSummary,
  ScheduleRequest,
} from 'holdfast/jobs'
import type { ConsoleEvent } from '../api/contract.ts'
import type { JobAnswer, JobSchedulesAnswer, JobsChangeAnswer, JobsListAnswer, JobsMetricsAnswer } from '../api/jobs-contract.ts'
import type { AuditTrail } from '../audit-trail.ts'
import { hasRole, type Role } from '../auth/console-auth.ts'
import { consoleErrors } from '../errors.ts'
import { oneAtATime } from '../one-at-a-time.ts'

/** Looks into the queues and changes them. Every method rejects with HF_CONSOLE_NO_JOBS when the console was given no store, and with HF_JOBS_REDIS_AWAY
 *  when Redis does not answer. */
export interface JobControl {
  /** What a caller with this role may do. */
  actions(role: Role): JobsMetricsAnswer['actions']
  queues(): Promise<readonly QueueSummary[]>
  /** @throws HF_CONSOLE_FORBIDDEN when a filter looks into payloads and the role may not; HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_OPTION */
  list(queue: string, state: JobState, filter: JobFilter, page: PageOptions, role: Role): Promise<JobsListAnswer>
  /** One at a time: it may look at every job of the queue. @throws HF_CONSOLE_BUSY, and as `list` */
  count(queue: string, state: JobState, filter: JobFilter, role: Role): Promise<number>
  /** Payload and result only for those who may operate. @throws HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_NOT_FOUND */
  show(queue: string, id: string, role: Role): Promise<JobAnswer>
  schedules(queue: string | undefined, role: Role): Promise<JobSchedulesAnswer>
  /** Changes leave a line in the log, in the audit log and in the events. What reaches many jobs wants the queue's name as confirmation outside development.
   *  @throws HF_CONSOLE_CONFIRMATION, HF_CONSOLE_BUSY, and what the store throws */
  retry(queue: string, target: DeadLetterTarget, given: JobChange): Promise<JobsChangeAnswer>
  discard(queue: string, target: DeadLetterTarget, given: JobChange): Promise<JobsChangeAnswer>
  pause(queue: string, given: JobChange): Promise<JobsChangeAnswer>
  resume(queue: string, given: JobChange): Promise<JobsChangeAnswer>
  drain(queue: string, delayed: boolean, given: JobChange): Promise<JobsChangeAnswer>
  cancel(queue: string, id: string, given: JobChange): Promise<JobsChangeAnswer>
  putSchedule(queue: string, key: string, request: ScheduleRequest, given: JobChange): Promise<JobsChangeAnswer>
  removeSchedule(queue: string, key: string, given: JobChange): Promise<JobsChangeAnswer>
}

/** Who changes something, and the text typed to confirm it. */
export interface JobChange {
  readonly role: Role
  readonly confirmation?: unknown
}

/** What it works with. */
export interface JobControlDeps {
  readonly store: JobStore | undefined
  readonly needsConfirmation: boolean
  readonly logger: Logger
  readonly audited: AuditTrail
  readonly nowMs: () => number
  readonly publishEvent: (event: ConsoleEvent) => void
  /** The queues are not what they were. */
  readonly onChanged: () => void
}

const TEXT_LIMIT = 20_000

/** A control over the store, if there is one. */
export function createJobControl({ store, needsConfirmation, logger, audited, nowMs, publishEvent, onChanged }: JobControlDeps): JobControl {
  const counting = oneAtATime()
  const changing = oneAtATime()

  const known = (): JobStore => {
    if (store === undefined) throw consoleErrors.create('HF_CONSOLE_NO_JOBS', 'this console reads measurements only')
    return store
  }
  const requireConfirmation = (text: string, { confirmation }: JobChange): void => {
    if (!needsConfirmation || confirmation === text) return
    throw consoleErrors.create('HF_CONSOLE_CONFIRMATION', `to do it, confirm with the text ${text}`, { hint: 'send that text as `confirmation`' })
  }
  /** The line of the audit names fields of a filter, not the part of a payload that was looked for. */
  const change = async (
    action: JobsChangeAnswer['action'],
    queue: string,
    { role, what, detail = {} }: { readonly role: Role; readonly what: (count: number) => string; readonly detail?: object },
    work: () => Promise<unknown>,
  ): Promise<JobsChangeAnswer> => {
    logger.info({ audit: `jobs.${action}`, role, queue, ...detail }, `the console asked for ${action} in the queue ${queue}`)
    const countOf = (result: unknown): number => (typeof result === 'number' ? result : 1)
    const result = await audited({ what: `jobs.${action}`, subject: queue, role }, done => what(countOf(done)), work).finally(onChanged)
    const count = countOf(result)
    const cancelled = result === 'removed' || result === 'requested' ? result : null
    publishEvent({ atMs: nowMs(), kind: 'jobs', text: `${queue}: ${what(count)}` })
    return { schema: 'holdfast.jobs-change/1', queue, action, count, cancelled }
  }
  const reach = (action: 'retry' | 'discard', queue: string, target: DeadLetterTarget, given: JobChange): Promise<JobsChangeAnswer> => {
    if (!('id' in target)) requireConfirmation(queue, given)
    const from = known()
    const verb = action === 'retry' ? 'run again' : 'deleted'
    const detail = 'id' in target ? { id: target.id } : 'filter' in target ? { filter: Object.keys(target.filter) } : { all: true }
    const what = (count: number): string => `${count} dead letter${count === 1 ? '' : 's'} ${verb}`
    const work = async (): Promise<number> =>
      action === 'retry' ? (await from.retry(queue, target)).retried : (await from.discard(queue, target)).discarded
    return changing(`${action} of dead letters of ${queue}`, () => change(action, queue, { role: given.role, what, detail }, work))
  }

  return {
    actions(role) {
      if (store === undefined) return []
      return hasRole(role, 'operate') ? ['look', 'payload', 'change'] : ['look']
    },
    queues: async () => known().queues(),
    async list(queue, state, filter, page, role) {
      requirePayloadRole(filter, role)
      const found = state === 'dead' ? await known().deadLetters(queue, filter, page) : await known().list(queue, state, filter, page)
      return { schema: 'holdfast.jobs-list/1', queue, state, ...found }
    },
    async count(queue, state, filter, role) {
      requirePayloadRole(filter, role)
      return counting('a count of jobs', () => known().count(queue, state, filter))
    },
    async show(queue, id, role) {
      const { payload, result, ...job }: JobDetail = await known().show(queue, id)
      const texts = { payloadText: textOf(payload), ...(result === undefined ? {} : { resultText: textOf(result) }) }
      return { schema: 'holdfast.job/1', job, ...(hasRole(role, 'operate') ? texts : {}) }
    },
    async schedules(queue, role) {
      const schedules = await known().schedules(queue)
      return { schema: 'holdfast.jobs-schedules/1', schedules: hasRole(role, 'operate') ? schedules : schedules.map(withoutPayload) }
    },
    retry: async (queue, target, given) => reach('retry', queue, target, given),
    discard: async (queue, target, given) => reach('discard', queue, target, given),
    async pause(queue, given) {
      requireConfirmation(queue, given)
      return change('pause', queue, { role: given.role, what: () => 'paused' }, () =>
        known()
          .pause(queue)
          .then(() => 1),
      )
    },
    async resume(queue, given) {
      return change('resume', queue, { role: given.role, what: () => 'resumed' }, () =>
        known()
          .resume(queue)
          .then(() => 1),
      )
    },
    async drain(queue, delayed, given) {
      requireConfirmation(queue, given)
      const what = (count: number): string => `${count} waiting ${delayed ? 'and delayed ' : ''}jobs deleted`
      return changing(`the drain of ${queue}`, () =>
        change('drain', queue, { role: given.role, what, detail: { delayed } }, async () => (await known().drain(queue, { delayed })).removed),
      )
    },
    cancel: async (queue, id, { role }) =>
      change('cancel', queue, { role, what: () => `job ${id} cancelled`, detail: { id } }, () => known().cancel(queue, id)),
    putSchedule: async (queue, key, request, { role }) =>
      change('schedule', queue, { role, what: () => `schedule ${key} set`, detail: { key, name: request.name, schedule: request.schedule } }, () =>
        known().putSchedule(queue, key, request),
      ),
    async removeSchedule(queue, key, given) {
      requireConfirmation(key, given)
      return change('unschedule', queue, { role: given.role, what: () => `schedule ${key} removed`, detail: { key } }, () =>
        known().removeSchedule(queue, key),
      )
    },
  }
}

/** Whoever may not see payloads must not find out what is in them by asking. */
function requirePayloadRole({ text }: JobFilter, role: Role): void {
  if (text === undefined || hasRole(role, 'operate')) return
  throw consoleErrors.create('HF_CONSOLE_FORBIDDEN', `to search payloads needs the role operate, yours is ${role}`)
}

function withoutPayload({ payload: _, ...schedule }: JobSchedule): Omit<JobSchedule, 'payload'> {
  return schedule
}

function textOf(value: unknown): string {
  const text = JSON.stringify(value, null, 2) ?? 'undefined'
  return text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT)}… (${text.length} characters)` : text
}
