import { type Duration, parseDurationMs } from 'holdfast/core'
import { consoleErrors } from '../errors.ts'
import type { ConsoleEvent, LoadState, Measured, SnoozeRequest } from './contract.ts'

const EVENT_KINDS: ReadonlySet<unknown> = new Set<ConsoleEvent['kind']>([
  'load',
  'finding',
  'apply',
  'verify',
  'revert',
  'service',
  'deploy',
  'invalidate',
  'warm',
  'archive',
  'vacuum',
  'jobs',
])

/** The event in a request's body.
 *  @throws HF_CONSOLE_BODY */
export function parseEvent(body: unknown): ConsoleEvent {
  const { atMs, kind, text } = fields(body)
  if (!isCount(atMs)) throw notThis('atMs', 'milliseconds since 1970')
  if (!EVENT_KINDS.has(kind)) throw notThis('kind', `one of ${[...EVENT_KINDS].join(', ')}`)
  if (typeof text !== 'string' || text === '') throw notThis('text', 'a text')
  return { atMs, kind: kind as ConsoleEvent['kind'], text }
}

/** The load state in a request's body; `null` when no load runs any more.
 *  @throws HF_CONSOLE_BODY */
export function parseLoad(body: unknown): LoadState | null {
  if (body === null) return null
  const { step, arrivalPerSec, valid, p50Ms, p95Ms, errors } = fields(body)
  if (typeof step !== 'string' || step === '') throw notThis('step', 'a text')
  if (!isCount(arrivalPerSec)) throw notThis('arrivalPerSec', 'a number')
  if (typeof valid !== 'boolean') throw notThis('valid', 'true or false')
  if (!isCount(errors)) throw notThis('errors', 'a number')
  return { step: step.slice(0, 100), arrivalPerSec, valid, p50Ms: measured('p50Ms', p50Ms), p95Ms: measured('p95Ms', p95Ms), errors }
}

function measured(name: string, given: unknown): Measured {
  const { value, n } = fields(given)
  if (!(value === null || isCount(value)) || !isCount(n)) throw notThis(name, '{ value: number or null, n: number }')
  return { value, n }
}

function fields(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw consoleErrors.create('HF_CONSOLE_BODY', 'the body is not a JSON object')
  return body as Record<string, unknown>
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}

function notThis(field: string, expected: string): Error {
  return consoleErrors.create('HF_CONSOLE_BODY', `${field} must be ${expected}`)
}

const REASON_LIMIT = 500

/** @throws HF_CONSOLE_BODY */
export function parseSnooze(body: unknown): SnoozeRequest {
  const { for: duration, reason } = Object(body) as Record<string, unknown>
  if (typeof reason !== 'string' || reason.trim() === '' || reason.length > REASON_LIMIT) {
    throw consoleErrors.create('HF_CONSOLE_BODY', `reason must be a text of at most ${REASON_LIMIT} characters`)
  }
  if (typeof duration !== 'string' || !isDuration(duration))
    throw consoleErrors.create('HF_CONSOLE_BODY', "for must be a length of time above 0, like '7d'")
  return { for: duration, reason: reason.trim() }
}

function isDuration(text: string): text is Duration {
  try {
    return parseDurationMs(text as Duration) > 0
  } catch {
    return false
  }
}
