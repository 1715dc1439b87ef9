import { type ConfigProblems, type Duration, parseDurationMs, parseSizeBytes, type Size } from '../core/index.ts'

/** What an early refresh may be. */
export const EARLY_RULE = 'must be true, false, or a number above 0 up to 100'

/** Milliseconds; a problem is noted when it is no duration. */
export function duration(problems: ConfigProblems, path: string, text: Duration | undefined, fallbackMs: number, mustBePositive: boolean): number {
  if (text === undefined) return fallbackMs
  const ms = problems.attempt(path, () => parseDurationMs(text), 1)
  if (mustBePositive && ms === 0) problems.add(path, 'must be more than 0')
  return ms
}

/** Notes a problem unless `value` is 1, 2, ... */
export function positiveInteger(problems: ConfigProblems, path: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 1) problems.add(path, `must be a whole number of 1 or more, is ${value}`)
}

/** Notes a problem unless `value` is true or false. */
export function flag(problems: ConfigProblems, path: string, value: boolean): boolean {
  if (typeof value !== 'boolean') problems.add(path, `must be true or false, is ${JSON.stringify(value)}`)
  return value
}

/** Notes a problem for each option that is not known. */
export function rejectUnknown(problems: ConfigProblems, path: string, options: object, known: ReadonlySet<string>): void {
  for (const key of Object.keys(options)) if (!known.has(key)) problems.add(`${path}.${key}`, `is not an option; known are ${[...known].join(', ')}`)
}

/** The size in bytes from which to compress. */
export function compressFrom(problems: ConfigProblems, path: string, option: false | Size): number {
  return option === false ? Number.POSITIVE_INFINITY : problems.attempt(path, () => parseSizeBytes(option), 0)
}

/** The factor of an early refresh, 0 for none; `undefined` when it is not valid. */
export function earlyFactorOf(option: boolean | number): number | undefined {
  if (typeof option === 'boolean') return option ? 1 : 0
  return option > 0 && option <= 100 ? option : undefined
}

/** As {@link earlyFactorOf}; a problem is noted when it is not valid. */
export function earlyFactor(problems: ConfigProblems, path: string, option: boolean | number): number {
  const factor = earlyFactorOf(option)
  if (factor === undefined) problems.add(path, EARLY_RULE)
  return factor ?? 0
}
