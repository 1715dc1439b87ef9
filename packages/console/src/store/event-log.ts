import type { ConsoleEvent } from '../api/contract.ts'

/** Events kept; the oldest go first. */
export const EVENT_LIMIT = 200
const TEXT_LIMIT = 500

/** What happened lately. */
export interface EventLog {
  /** Text is cut at 500 characters. */
  add(event: ConsoleEvent): void
  /** Oldest first. */
  since(atMs: number): readonly ConsoleEvent[]
}

/** An empty log. */
export function createEventLog(): EventLog {
  const events: ConsoleEvent[] = []
  return {
    add({ atMs, kind, text }) {
      events.push({ atMs, kind, text: text.length > TEXT_LIMIT ? `${text.slice(0, TEXT_LIMIT - 1)}…` : text })
      if (events.length > EVENT_LIMIT) events.shift()
    },
    since: atMs => events.filter(event => event.atMs >= atMs).sort((a, b) => a.atMs - b.atMs),
  }
}
