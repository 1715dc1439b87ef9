import type { Clock } from 'holdfast/core'

/** How long an answer serves further readers. Pages ask every few seconds; ten of them must not be ten times the work for the database. */
const FRESH_MS = 1500

/** One reading for all who ask at the same time or shortly after. A reading that fails is told to those who wait for it, and the next one tries again.
 *  @param read takes what was asked for; answers are kept apart by it
 *  @param generation counts the changes after which earlier answers are old */
export function shareReadings<T>(
  clock: Clock,
  read: (asked: string) => Promise<T>,
  generation: () => number = () => 0,
): (asked?: string) => Promise<T> {
  const readings = new Map<string, { readonly untilMs: number; readonly answer: Promise<T> }>()
  return (asked = '') => {
    const nowMs = clock.monotonicMs()
    for (const [key, { untilMs }] of readings) if (untilMs <= nowMs) readings.delete(key)
    const name = `${generation()} ${asked}`
    const known = readings.get(name)
    if (known !== undefined) return known.answer
    const answer = read(asked)
    readings.set(name, { untilMs: nowMs + FRESH_MS, answer })
    answer.catch(() => {
      if (readings.get(name)?.answer === answer) readings.delete(name)
    })
    return answer
  }
}
