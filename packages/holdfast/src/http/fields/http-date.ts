const MONTHS = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const DAY = '(?:mon|tue|wed|thu|fri|sat|sun)'
const LONG_DAY = '(?:mon|tues|wednes|thurs|fri|satur|sun)day'
const TIME = '(\\d{2}):(\\d{2}):(\\d{2})'
// Caches compare without regard to case (RFC 9111 4.2).
const FIXDATE = new RegExp(`^${DAY}, (\\d{2}) ([a-z]{3}) (\\d{4}) ${TIME} gmt$`)
const RFC850 = new RegExp(`^${LONG_DAY}, (\\d{2})-([a-z]{3})-(\\d{2}) ${TIME} gmt$`)
const ASCTIME = new RegExp(`^${DAY} ([a-z]{3}) ([ \\d]\\d) ${TIME} (\\d{4})$`)

/** Parses an HTTP-date in any of its three forms (RFC 9110 5.6.7): milliseconds since the epoch, or `undefined` when it is none. Other zones than GMT are
 *  none (RFC 9111 4.2). `nowMs` decides the century of two-digit years. */
export function parseHttpDate(text: string, nowMs: number): number | undefined {
  const lower = text.trim().toLowerCase()
  const fixed = FIXDATE.exec(lower)
  if (fixed !== null) return toMs(fixed[3]!, fixed[2]!, fixed[1]!, fixed, 4)
  const rfc850 = RFC850.exec(lower)
  if (rfc850 !== null) return toMs(String(century(Number(rfc850[3]), nowMs)), rfc850[2]!, rfc850[1]!, rfc850, 4)
  const asctime = ASCTIME.exec(lower)
  if (asctime !== null) return toMs(asctime[6]!, asctime[1]!, asctime[2]!, asctime, 3)
  return undefined
}

/** IMF-fixdate, the only form that may be sent. */
export function formatHttpDate(ms: number): string {
  return new Date(ms).toUTCString()
}

/** A two-digit year that seems to be more than 50 years ahead is the latest past one with these digits. */
function century(twoDigits: number, nowMs: number): number {
  const thisYear = new Date(nowMs).getUTCFullYear()
  const year = thisYear - (thisYear % 100) + twoDigits
  return year > thisYear + 50 ? year - 100 : year
}

function toMs(year: string, month: string, day: string, match: RegExpExecArray, timeAt: number): number | undefined {
  const monthAt = MONTHS.indexOf(month)
  const [hours, minutes, seconds] = [Number(match[timeAt]), Number(match[timeAt + 1]), Number(match[timeAt + 2])]
  // 60 is a leap second.
  if (monthAt < 0 || hours > 23 || minutes > 59 || seconds > 60) return undefined
  const date = new Date(0)
  date.setUTCFullYear(Number(year), monthAt, Number(day))
  if (date.getUTCMonth() !== monthAt || date.getUTCDate() !== Number(day)) return undefined
  date.setUTCHours(hours, minutes, seconds)
  return date.getTime()
}
