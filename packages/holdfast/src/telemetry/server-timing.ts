/** One entry of a Server-Timing header. */
export interface ServerTimingEntry {
  /** A token, for example `pg`. */
  readonly name: string
  readonly durationMs: number
  /** Shown by browsers instead of the name. */
  readonly description?: string
}

/** The value of a Server-Timing header, durations to a hundredth of a millisecond. @source W3C Server Timing, section 2 */
export function formatServerTiming(entries: readonly ServerTimingEntry[]): string {
  return entries
    .map(({ name, durationMs, description }) => {
      const text = description === undefined ? '' : `;desc="${description.replaceAll(/["\\]/g, '')}"`
      return `${name};dur=${Math.round(durationMs * 100) / 100}${text}`
    })
    .join(', ')
}
