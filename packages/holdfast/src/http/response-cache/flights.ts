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

/** Keys remembered as not worth waiting for. */
const ALONE_LIMIT = 10_000

/** Requests under way to the origin, one for each key, and the keys whose answers nobody can share (hit-for-miss), so that nobody waits in vain. */
export class Flights {
  readonly #flights = new Map<string, Flight>()
  readonly #aloneUntilMs = new Map<string, number>()

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

  /** Nobody waits for answers to `key` until `untilMs`. */
  markAlone(key: string, untilMs: number): void {
    if (this.#aloneUntilMs.size >= ALONE_LIMIT) this.#aloneUntilMs.delete(this.#aloneUntilMs.keys().next().value!)
    this.#aloneUntilMs.set(key, untilMs)
  }

  /** True while nobody should wait for others, nor have its conditions taken away, for the sake of an answer that will not be stored. */
  isAlone(key: string, nowMs: number): boolean {
    const untilMs = this.#aloneUntilMs.get(key)
    if (untilMs === undefined) return false
    if (nowMs < untilMs) return true
    this.#aloneUntilMs.delete(key)
    return false
  }

  clearAlone(key: string): void {
    this.#aloneUntilMs.delete(key)
  }
}
