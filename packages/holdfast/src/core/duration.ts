import { coreErrors } from './errors.ts'

type DurationUnit = 'ms' | 's' | 'm' | 'h' | 'd' | 'w'

/** A length of time as users write it: `'250ms'`, `'30s'`, `'1.5h'`. A bare number is a type error, because its unit would be a guess. */
export type Duration = `${number}${DurationUnit}`

const MS_PER_UNIT: Readonly<Record<DurationUnit, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const DURATION = /^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$/

/** Milliseconds of a duration; fractions of a millisecond are rounded.
 *  @throws HF_CONFIG_DURATION when the text is not a non-negative number with a unit. */
export function parseDurationMs(text: Duration | (string & {})): number {
  const match = DURATION.exec(String(text))
  if (match === null) {
    throw coreErrors.create('HF_CONFIG_DURATION', `${JSON.stringify(text)} is not a duration`, { context: { value: text } })
  }
  return Math.round(Number(match[1]) * MS_PER_UNIT[match[2] as DurationUnit])
}
