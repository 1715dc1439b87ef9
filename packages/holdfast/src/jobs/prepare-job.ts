import { parseDurationMs } from '../core/index.ts'
import { jobsErrors } from './errors.ts'
import type { AddOptions } from './job-definition.ts'
import { PRIORITY_LIMIT, type ResolvedQueue } from './job-policy.ts'
import { encodePayload, validatePayload } from './payload.ts'

/** A job that is ready to be stored, in Redis or in the outbox: plain data. */
export interface PreparedJob {
  readonly queue: string
  readonly name: string
  readonly payload: unknown
  /** The payload as JSON text. */
  readonly data: string
  readonly id: string | undefined
  readonly delayMs: number
  readonly priority: number
  /** Only when the caller chose it: else the worker's policy holds, also a later one. */
  readonly attempts: number | undefined
  readonly tenant: string | undefined
}

const DELAY_LIMIT_MS = 365 * 86_400_000

/** Checks a job and its options, and touches nothing. A promise only where a schema has to be asked.
 *  @throws HF_JOBS_UNKNOWN_QUEUE, HF_JOBS_UNKNOWN_NAME, HF_JOBS_OPTION, HF_JOBS_PAYLOAD, HF_JOBS_PAYLOAD_TOO_LARGE */
export function prepareJob(
  queues: ReadonlyMap<string, ResolvedQueue>,
  queue: string,
  name: string,
  payload: unknown,
  options: AddOptions = {},
): PreparedJob | Promise<PreparedJob> {
  const resolved = queueNamed(queues, queue)
  const job = resolved.jobs.get(name)
  if (job === undefined) {
    throw jobsErrors.create(
      'HF_JOBS_UNKNOWN_NAME',
      `queue ${queue} has no job ${JSON.stringify(name)}; it has ${[...resolved.jobs.keys()].join(', ')}`,
      {
        context: { queue, name },
      },
    )
  }
  const { schema } = job.definition
  const checked = (): PreparedJob => checkJob(resolved, name, job.policy.priority, payload, options)
  return schema === undefined ? checked() : validatePayload(`${queue}/${name}`, payload, schema).then(checked)
}

function checkJob(resolved: ResolvedQueue, name: string, usualPriority: number, payload: unknown, options: AddOptions): PreparedJob {
  const label = `${resolved.name}/${name}`
  const data = encodePayload(label, payload, resolved.maxPayloadBytes)
  const priority = whole(label, 'priority', options.priority ?? usualPriority, 0, PRIORITY_LIMIT)
  const { tenant, id } = options
  if (tenant !== undefined) checkTenant(label, tenant, options, resolved)
  if (id !== undefined && (!/^[^:]{1,200}$/.test(id) || /^-?\d+$/.test(id))) {
    throw outOfRange(label, 'id', id, '1 to 200 characters without a colon, and not a whole number')
  }
  return {
    queue: resolved.name,
    name,
    payload,
    data,
    id,
    delayMs: delayOf(label, options.delay),
    priority: tenant === undefined ? priority : 0,
    attempts: options.attempts === undefined ? undefined : whole(label, 'attempts', options.attempts, 1, 100),
    tenant,
  }
}

/** @throws HF_JOBS_UNKNOWN_QUEUE */
export function queueNamed(queues: ReadonlyMap<string, ResolvedQueue>, queue: string): ResolvedQueue {
  const resolved = queues.get(queue)
  if (resolved !== undefined) return resolved
  throw jobsErrors.create('HF_JOBS_UNKNOWN_QUEUE', `there is no queue ${JSON.stringify(queue)}; there are ${[...queues.keys()].join(', ')}`, {
    context: { queue },
  })
}

function checkTenant(label: string, tenant: string, options: AddOptions, queue: ResolvedQueue): void {
  if (queue.fairness === undefined) throw outOfRange(label, 'tenant', tenant, 'a queue with `fairness`')
  if (typeof tenant !== 'string' || tenant.length === 0 || tenant.length > 200) throw outOfRange(label, 'tenant', tenant, '1 to 200 characters')
  if (options.priority !== undefined) throw outOfRange(label, 'priority', options.priority, 'none beside `tenant`: the lines are served in turn')
}

function delayOf(label: string, delay: string | undefined): number {
  if (delay === undefined) return 0
  // A negative delay is no duration at all, and is refused as what it is.
  const ms = /^-/.test(String(delay)) ? -1 : parseDurationMs(delay)
  if (ms < 0 || ms > DELAY_LIMIT_MS) throw outOfRange(label, 'delay', delay, "'0ms' to '365d'")
  return ms
}

function whole(label: string, option: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value
  throw outOfRange(label, option, value, `a whole number from ${least} to ${most}`)
}

function outOfRange(label: string, option: string, value: unknown, range: string): Error {
  return jobsErrors.create('HF_JOBS_OPTION', `${label}: ${option} is ${JSON.stringify(value)}, and must be ${range}`, {
    context: { job: label, option },
  })
}
