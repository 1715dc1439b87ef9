/** A quantity as it is shown: the number and its unit apart, so that they can be set in different sizes. */
export interface Shown {
  readonly text: string
  readonly unit: string
}

const NO_BREAK = '\u00a0'
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const oneDecimal = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const twoDecimals = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const threeDigits = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })
const clockTime = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const dayAndTime = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', second: '2-digit' })

/** Three digits at most, for a number whose size is not known beforehand. */
function significant(value: number): string {
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 1) return twoDecimals.format(value)
  return size < 10 ? oneDecimal.format(value) : whole.format(value)
}

/** Milliseconds; seconds from 1,000 ms up. */
export function showMs(ms: number): Shown {
  return ms < 1000 ? { text: significant(ms), unit: 'ms' } : { text: twoDecimals.format(ms / 1000), unit: 's' }
}

/** A ratio 0..1 in per cent. Never rounds something above zero down to 0, nor something below one up to 100. */
export function showRatio(ratio: number): Shown {
  const percent = ratio * 100
  if (percent === 0) return { text: '0', unit: '%' }
  if (percent > 99 && percent < 100) return { text: oneDecimal.format(Math.floor(percent * 10) / 10), unit: '%' }
  if (percent < 0.1) return { text: '<0.1', unit: '%' }
  return { text: percent < 10 ? oneDecimal.format(percent) : whole.format(percent), unit: '%' }
}

/** A rate per second. */
export function showPerSec(perSec: number): Shown {
  return { text: perSec > 0 && perSec < 10 ? oneDecimal.format(perSec) : whole.format(perSec), unit: 'req/s' }
}

/** A plain number of few digits, such as statements per request. */
export function showNumber(value: number): Shown {
  return { text: significant(value), unit: '' }
}

/** Number and unit as one text. */
export function joined({ text, unit }: Shown): string {
  return unit === '' ? text : `${text}${NO_BREAK}${unit}`
}

/** `83 ms` */
export function ms(value: number): string {
  return joined(showMs(value))
}

/** `33.5 ms`: three significant digits, where two values near each other are compared. */
export function msFine(value: number): string {
  return value < 1000 ? `${threeDigits.format(value)}${NO_BREAK}ms` : ms(value)
}

/** `97 %` */
export function percent(ratio: number): string {
  return joined(showRatio(ratio))
}

/** `3,600` */
export function count(value: number): string {
  return whole.format(value)
}

/** `14:03:22`, local time. */
export function timeOfDay(atMs: number): string {
  return clockTime.format(atMs)
}

/** `21 Nov, 14:03:22`, local time. */
export function dateTime(atMs: number): string {
  return dayAndTime.format(atMs)
}

/** A length of time in words: `45 s`, `5 min`, `2 h 10 min`. */
export function span(seconds: number): string {
  const rounded = Math.max(0, Math.round(seconds))
  if (rounded === 0 || (rounded < 120 && rounded % 60 !== 0)) return `${rounded}${NO_BREAK}s`
  const minutes = Math.round(rounded / 60)
  if (minutes < 120) return `${minutes}${NO_BREAK}min`
  return `${Math.floor(minutes / 60)}${NO_BREAK}h ${minutes % 60}${NO_BREAK}min`
}

/** How much faster or slower, in words: `27 × faster`, `1.3 × slower`. Null where it cannot be said. */
export function speedUp(beforeMs: number, afterMs: number): string | null {
  if (beforeMs <= 0 || afterMs <= 0) return null
  const faster = beforeMs >= afterMs
  const ratio = faster ? beforeMs / afterMs : afterMs / beforeMs
  if (ratio < 1.01) return 'no difference'
  const digits = ratio < 2 ? twoDecimals.format(ratio) : significant(ratio)
  return `${digits}${NO_BREAK}×${NO_BREAK}${faster ? 'faster' : 'slower'}`
}

/** `1 finding`, `2 findings`. */
export function counted(n: number, singular: string, plural = `${singular}s`): string {
  return `${count(n)}${NO_BREAK}${n === 1 ? singular : plural}`
}
