import type { Clock } from '../../core/index.ts'
import type { StoredResponse } from './stored-response.ts'

/** What followers of a flight learn first, when the headers are there: whether the answer may be theirs too. */
export type Verdict = 'shared' | 'alone'

/** One request to the origin that others wait for. */
export interface Flight {
  /** Settles as soon as it is known whether the answer can be shared, which is at the headers. Never rejects. */
  readonly verdict: Promise<Verdict>
  /** The stored response; `undefined` when there is none after all: too large, cut off, failed; `outdated` when it was old before it was there. Never
   *  rejects. */
  readonly stored: Promise<StoredResponse | 'outdated' | undefined>
  /** Wall clock. */
  readonly followedUntilMs: number
  decide(verdict: Verdict): void
  land(stored: StoredResponse | 'outdated' | undefined): void
}

/** How long one request waits for another's answer before it asks the origin itself. */
const FOLLOW_LIMIT_MS = 10_000

/** Requests under way to the origin, one for each key. */
export class Flights {
  readonly #clock: Clock
  readonly #flights = new Map<string, Flight>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The flight to follow, if there is one. */
  get(key: string): Flight | undefined {
    const flight = this.#flights.get(key)
    return flight === undefined || this.#clock.nowMs() >= flight.followedUntilMs ? undefined : flight
  }

  /** Begins a flight that later requests follow. It ends with `land`; a platform may end a request in the middle, so it is not followed for ever. */
  begin(key: string): Flight {
    let decide!: (verdict: Verdict) => void
    let settle!: (response: StoredResponse | 'outdated' | undefined) => void
    const flight: Flight = {
      followedUntilMs: this.#clock.nowMs() + FOLLOW_LIMIT_MS,
      verdict: new Promise(resolve => {
        decide = resolve
      }),
      stored: new Promise(resolve => {
        settle = resolve
      }),
      decide,
      land: response => {
        decide(response === undefined ? 'alone' : 'shared')
        settle(response)
        if (this.#flights.get(key) === flight) this.#flights.delete(key)
      },
    }
    this.#flights.set(key, flight)
    return flight
  }

  /** What the flight lands with; `undefined` when it cannot be shared, or did not come in time. */
  follow(flight: Flight): Promise<StoredResponse | 'outdated' | undefined> {
    return new Promise(resolve => {
      const timer = this.#clock.after(FOLLOW_LIMIT_MS, () => resolve(undefined), true)
      const settle = (stored: StoredResponse | 'outdated' | undefined): void => {
        timer.cancel()
        resolve(stored)
      }
      void flight.verdict.then(verdict => (verdict === 'shared' ? flight.stored.then(settle) : settle(undefined)))
    })
  }

  /** Later requests do not follow what is under way: it began before a purge. */
  detach(key: string): void {
    for (const name of this.#flights.keys()) if (name === key || name.startsWith(`${key}\n`)) this.#flights.delete(name)
  }
}
