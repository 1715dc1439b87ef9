import { systemClock } from 'holdfast/core'
import type { Terminal } from '../terminal.ts'

/** Tells the demo's story on stderr, with the seconds since its start, and remembers what went wrong on the way. */
export interface Narrator {
  /** A line with the time in front. */
  say(text: string): void
  /** A further line of the same moment. */
  add(text: string): void
  /** Something that should not have happened but did not end the demo. Also kept for the report. */
  incident(text: string): void
  readonly incidents: readonly string[]
  readonly elapsedMs: number
}

/** A narrator whose clock starts when the process started. */
export function createNarrator(terminal: Terminal): Narrator {
  const incidents: string[] = []
  // performance.now() counts from the start of the process, so the start-up of Node is in the figure.
  const elapsedMs = (): number => systemClock.monotonicMs()
  const stamp = (): string => `${(elapsedMs() / 1000).toFixed(1).padStart(5)}s`
  return {
    say: text => terminal.say(`${terminal.paint('dim', stamp())}  ${text}`),
    add: text => terminal.say(`        ${text}`),
    incident(text) {
      incidents.push(`${stamp().trim()} ${text}`)
      terminal.say(`${terminal.paint('dim', stamp())}  ${terminal.paint('yellow', `! ${text}`)}`)
    },
    incidents,
    get elapsedMs() {
      return elapsedMs()
    },
  }
}
