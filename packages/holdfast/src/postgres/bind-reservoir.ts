/** One set of parameters that a statement ran with. */
export interface BindSample {
  readonly values: readonly unknown[]
  readonly durationMs: number
  /** Calls that it stands for: those as fast or slow, shared among the sets that were kept of them. */
  readonly callCount: number
}

/** Upper edges, in ms, of the strata; the last is open. Rare slow parameters keep their places beside a million fast ones. */
const STRATA_MS: readonly number[] = [1, 10, 100]
const SAMPLES_PER_STRATUM = 4
const VALUES_LIMIT = 32
const SET_CHARS_LIMIT = 1024

/** Keeps up to 16 sets of parameters of one statement, chosen at random within each stratum of duration. In this process's memory only.
 *  Sets that are long (over 32 values, 1,024 characters) or hold objects are not kept. */
export class BindReservoir {
  readonly #strata: Omit<BindSample, 'callCount'>[][] = STRATA_MS.concat(0).map(() => [])
  readonly #seen: number[] = STRATA_MS.concat(0).map(() => 0)

  offer(values: readonly unknown[], durationMs: number, random: () => number): void {
    const stratum = stratumOf(durationMs)
    const kept = this.#strata[stratum]!
    const seen = ++this.#seen[stratum]!
    // Algorithm R: the set stays with probability places / seen, so every call has the same chance.
    const place = kept.length < SAMPLES_PER_STRATUM ? kept.length : Math.floor(random() * seen)
    if (place >= SAMPLES_PER_STRATUM || !keepsBinds(values)) return
    kept[place] = { values: values.slice(), durationMs }
  }

  samples(): readonly BindSample[] {
    return this.#strata.flatMap((kept, stratum) => kept.map(sample => ({ ...sample, callCount: this.#seen[stratum]! / kept.length })))
  }
}

function stratumOf(durationMs: number): number {
  for (let i = 0; i < STRATA_MS.length; i++) if (durationMs < STRATA_MS[i]!) return i
  return STRATA_MS.length
}

/** True for a set that is small and plain enough to keep. */
export function keepsBinds(values: readonly unknown[]): boolean {
  if (values.length > VALUES_LIMIT) return false
  let chars = 0
  for (const value of values) {
    if (typeof value === 'string') chars += value.length
    else if (typeof value === 'object' && value !== null && !(value instanceof Date)) return false
    else chars += 8
  }
  return chars <= SET_CHARS_LIMIT
}
