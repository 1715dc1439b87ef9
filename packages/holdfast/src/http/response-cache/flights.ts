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
  decide(verdict: Verdict): void
  land(stored: StoredResponse | 'outdated' | undefined): void
}

/** Requests under way to the origin, one for each key. */
export class Flights {
  readonly #flights = new Map<string, Flight>()

  /** The flight to follow, if there is one. */
  get(key: string): Flight | undefined {
    return this.#flights.get(key)
  }

  /** Begins a flight that later requests follow. It ends with `land`. */
  begin(key: string): Flight {
    let decide!: (verdict: Verdict) => void
    let settle!: (response: StoredResponse | 'outdated' | undefined) => void
    const flight: Flight = {
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

  /** Later requests do not follow what is under way: it began before a purge. */
  detach(key: string): void {
    for (const name of this.#flights.keys()) if (name === key || name.startsWith(`${key}\n`)) this.#flights.delete(name)
  }
}
