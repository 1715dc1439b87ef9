import { Cron } from 'croner'
import type { ConfigProblems } from './config-problems.ts'
import { type Duration, parseDurationMs } from './duration.ts'

/** When something is done by the clock. `cron`: five fields, read in `timeZone` (an IANA name; required, because a server's own zone is nobody's intention).
 *  When the clocks go forward over a time named, it is due at the first moment after the gap; when they go back over it, the first time only.
 *  `every`: at multiples of the duration since 1970, so that all processes mean the same moment; `'1s'` to `'30d'`. */
export type Schedule = { readonly cron: string; readonly timeZone: string } | { readonly every: Duration }

/** The first moment after `afterMs` at which it is due; `undefined` when there is none. */
export type NextDue = (afterMs: number) => number | undefined

/** Reads a schedule; problems are noted under `path`. */
export function resolveSchedule(problems: ConfigProblems, path: string, schedule: Schedule): NextDue {
  if ('every' in schedule) {
    const everyMs = problems.attempt(`${path}.every`, () => parseDurationMs(schedule.every), 1000)
    if (everyMs < 1000 || everyMs > 30 * 86_400_000) problems.add(`${path}.every`, `must be from 1s to 30d, is ${schedule.every}`)
    return afterMs => (Math.floor(afterMs / everyMs) + 1) * everyMs
  }
  try {
    const cron = new Cron(schedule.cron, { timezone: requireZone(schedule.timeZone), mode: '5-part', paused: true })
    const next: NextDue = afterMs => cron.nextRun(new Date(afterMs))?.getTime()
    if (next(0) === undefined) problems.add(`${path}.cron`, `${JSON.stringify(schedule.cron)} is never due`)
    return next
  } catch (error) {
    problems.add(path, `is not a schedule: ${(error as Error).message}`)
    return () => undefined
  }
}

function requireZone(timeZone: unknown): string {
  if (typeof timeZone !== 'string' || timeZone === '') throw new Error("timeZone is missing; name one, for example 'Europe/Berlin' or 'UTC'")
  // Throws a RangeError that names it.
  new Intl.DateTimeFormat('en', { timeZone })
  return timeZone
}
