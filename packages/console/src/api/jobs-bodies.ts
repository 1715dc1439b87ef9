import type { Schedule } from 'holdfast/core'
import type { DeadLetterTarget, FailureReason, JobFilter, JobState, PageOptions, ScheduleRequest } from 'holdfast/jobs'
import { consoleErrors } from '../errors.ts'

const STATES: ReadonlySet<string> = new Set<JobState>(['waiting', 'active', 'delayed', 'completed', 'dead'])
const REASONS: ReadonlySet<string> = new Set<FailureReason>(['error', 'timeout', 'stalled', 'cancelled', 'payload', 'unknown-name'])
const TEXTS = ['name', 'id', 'tenant', 'text', 'failure'] as const
const TIMES = ['fromMs', 'toMs'] as const
const TEXT_LIMIT = 1000

/** Parameters of a query that make up a filter. */
export const FILTER_NAMES: readonly string[] = [...TEXTS, 'reason', ...TIMES]

/** @throws HF_CONSOLE_BODY */
export function parseState(text: string | undefined): JobState {
  if (text !== undefined && STATES.has(text)) return text as JobState
  throw consoleErrors.create('HF_CONSOLE_BODY', `state must be one of ${[...STATES].join(', ')}`)
}

/** A filter, of a body or of a query (where times are texts). What is not known is refused: left out, it would widen what is reached.
 *  @throws HF_CONSOLE_BODY */
export function parseFilter(given: unknown): JobFilter {
  const fields = Object(given) as Record<string, unknown>
  const unknown = Object.keys(fields).find(name => !FILTER_NAMES.includes(name))
  if (unknown !== undefined) throw refused(unknown, `not a field of a filter; known are ${FILTER_NAMES.join(', ')}`)
  const filter: Record<string, string | number> = {}
  for (const name of TEXTS) {
    const value = fields[name]
    if (value === undefined) continue
    if (typeof value !== 'string' || value === '' || value.length > TEXT_LIMIT) throw refused(name, `a text of 1 to ${TEXT_LIMIT} characters`)
    filter[name] = value
  }
  for (const name of TIMES) {
    if (fields[name] === undefined) continue
    const ms = fields[name] === '' ? Number.NaN : Number(fields[name])
    if (!Number.isFinite(ms)) throw refused(name, 'milliseconds since 1970')
    filter[name] = ms
  }
  if (fields.reason !== undefined) {
    if (!REASONS.has(fields.reason as string)) throw refused('reason', `one of ${[...REASONS].join(', ')}`)
    filter.reason = fields.reason as string
  }
  return filter as JobFilter
}

/** @throws HF_CONSOLE_BODY */
export function parsePage(limit: string | undefined, cursor: string | undefined): PageOptions {
  if (limit !== undefined && !/^\d{1,3}$/.test(limit)) throw refused('limit', 'a whole number from 1 to 500')
  return { ...(limit === undefined ? {} : { limit: Number(limit) }), ...(cursor === undefined ? {} : { cursor }) }
}

/** Exactly one of `id`, `filter` and `all`: a body that names nothing reaches nothing. @throws HF_CONSOLE_BODY */
export function parseTarget(body: unknown): DeadLetterTarget {
  const { id, filter, all } = Object(body) as Record<string, unknown>
  if ([id, filter, all].filter(value => value !== undefined).length !== 1)
    throw consoleErrors.create('HF_CONSOLE_BODY', 'which dead letters? send one of id, filter and all')
  if (all !== undefined) {
    if (all !== true) throw refused('all', 'true')
    return { all: true }
  }
  if (id === undefined) {
    const parsed = parseFilter(filter)
    if (Object.keys(parsed).length === 0) throw refused('filter', 'an object that asks for something; send `all: true` for all')
    return { filter: parsed }
  }
  return { id: parseText('id', id) }
}

/** @throws HF_CONSOLE_BODY */
export function parseText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= TEXT_LIMIT) return value
  throw refused(name, `a text of 1 to ${TEXT_LIMIT} characters`)
}

/** @throws HF_CONSOLE_BODY */
export function parseSchedule(body: unknown): { readonly queue: string; readonly key: string; readonly request: ScheduleRequest } {
  const { queue, key, name, payload = null, ...rest } = Object(body) as Record<string, unknown>
  return {
    queue: parseText('queue', queue),
    key: parseText('key', key),
    request: { name: parseText('name', name), payload, schedule: scheduleOf(rest) },
  }
}

function scheduleOf({ cron, timeZone, every }: Record<string, unknown>): Schedule {
  if (typeof every === 'string' && cron === undefined) return { every } as Schedule
  if (typeof cron === 'string' && typeof timeZone === 'string' && every === undefined) return { cron, timeZone }
  throw consoleErrors.create('HF_CONSOLE_BODY', 'when? send either cron with timeZone, or every, as texts')
}

function refused(name: string, expected: string): Error {
  return consoleErrors.create('HF_CONSOLE_BODY', `${name}: must be ${expected}`)
}
