import { collectConfigProblems, isHoldfastError, type Schedule } from '../core/index.ts'
import { type NextDue, resolveSchedule } from '../core/schedule.ts'
import type { BullRepeat, BullRepeatStrategy } from './bull/port.ts'
import { jobsErrors } from './errors.ts'

/** When a schedule is due next. Cron is read as everywhere in Holdfast: in its time zone, after a gap of summer time at the first moment behind it, once
 *  in the hour that comes twice. @throws HF_JOBS_SCHEDULE */
export function readSchedule(name: string, schedule: Schedule): NextDue {
  const problems = collectConfigProblems()
  const next = resolveSchedule(problems, name, schedule)
  try {
    problems.throwIfAny('schedule')
  } catch (cause) {
    if (!isHoldfastError(cause)) throw cause
    throw jobsErrors.create('HF_JOBS_SCHEDULE', cause.message, { cause, context: { name } })
  }
  return next
}

/** The same for BullMQ, which would else read cron by rules of its own. Reading is kept, for it is asked at each run. */
export function repeatStrategy(): BullRepeatStrategy {
  const known = new Map<string, NextDue>()
  return (millis, { pattern = '', tz = 'UTC' }) => {
    const key = `${pattern} ${tz}`
    let next = known.get(key)
    if (next === undefined) {
      next = readSchedule('schedule', { cron: pattern, timeZone: tz })
      if (known.size >= KNOWN_LIMIT) known.clear()
      known.set(key, next)
    }
    return next(millis)
  }
}

const KNOWN_LIMIT = 1000

/** A schedule in BullMQ's terms. */
export function toRepeat(schedule: Schedule, everyMs: (every: string) => number): BullRepeat {
  return 'every' in schedule ? { every: everyMs(schedule.every) } : { pattern: schedule.cron, tz: schedule.timeZone }
}
