import { copyBinds } from './bind-copy.ts'

/** One set of parameters that a statement ran with. */
export interface BindSample {
  readonly values: readonly unknown[]
  readonly durationMs: number
  /** Calls that it stands for: those as fast or slow, shared among the sets that were kept of them. */
  readonly callCount: number
}

/** A sample with the text that was sent. */
export interface SentSample extends BindSample {
  readonly text: string
}

/** A longer text is kept only where another sample has the same, or is the first, characters. */
const OWN_TEXT_LIMIT = 1024
const TEXT_LIMIT = 8192

interface Kept extends Omit<BindSample, 'callCount'> {
  /** Absent where it was too long to keep. */
  readonly text: string | undefined
}

/** Upper edges, in ms, of the strata; the last is open. Rare slow parameters keep their places beside a million fast ones. */
const STRATA_MS: readonly number[] = [1, 10, 100]
const SAMPLES = 16

/** Places that each stratum gets, if need be from the fullest. */
const SAMPLES_PER_STRATUM = SAMPLES / (STRATA_MS.length + 1)

interface Stratum {
  readonly kept: Kept[]
  seenCount: number
  /** A stratum that found no further place, or lost one, grows no more: later calls would have a better chance in the places gained. */
  limit: number
}

/** Keeps up to 16 sets of parameters of one statement, chosen at random within each stratum of duration: all 16 of one where the others are empty. In this process's memory only.
 *  Which sets are not kept: see `copyBinds`. */
export class BindReservoir {
  readonly #strata: readonly Stratum[] = STRATA_MS.concat(0).map(() => ({ kept: [], seenCount: 0, limit: SAMPLES }))

  offer(values: readonly unknown[], durationMs: number, random: () => number, text = ''): void {
    const stratum = this.#strata[stratumOf(durationMs)]!
    const { kept } = stratum
    const seenCount = ++stratum.seenCount
    // Algorithm R: the set stays with probability places / seen, so every call has the same chance.
    const place = kept.length < stratum.limit ? kept.length : Math.floor(random() * seenCount)
    if (place >= stratum.limit) return
    const copy = copyBinds(values)
    if (copy === undefined || (place === kept.length && !this.#makeRoom(stratum, random))) return
    kept[place] = { values: copy, durationMs, text: this.#keptText(text) }
  }

  samples(): readonly BindSample[] {
    return this.#counted(({ values, durationMs }) => ({ values, durationMs })).filter(({ values }) => values.length > 0)
  }

  /** Those whose text was kept. It holds the constants that the application wrote into it. */
  sentSamples(): readonly SentSample[] {
    return this.#counted(sample => sample).flatMap(({ text, ...sample }) => (text === undefined ? [] : [{ ...sample, text }]))
  }

  #counted<T>(read: (kept: Kept) => T): readonly (T & { readonly callCount: number })[] {
    return this.#strata.flatMap(({ kept, seenCount }) => kept.map(sample => ({ ...read(sample), callCount: seenCount / kept.length })))
  }

  /** Most applications send one text again and again, built anew each time: it is kept once. */
  #keptText(text: string): string | undefined {
    const kept = this.#strata.flatMap(stratum => stratum.kept)
    const same = kept.find(sample => sample.text === text)?.text
    if (same !== undefined) return same
    const isFirst = kept.every(sample => sample.text === undefined)
    return text.length <= (isFirst ? TEXT_LIMIT : OWN_TEXT_LIMIT) ? text : undefined
  }

  #makeRoom(stratum: Stratum, random: () => number): boolean {
    const keptCount = this.#strata.reduce((sum, { kept }) => sum + kept.length, 0)
    if (keptCount < SAMPLES) return true
    const fullest = this.#strata.reduce((most, other) => (other.kept.length > most.kept.length ? other : most))
    if (stratum.kept.length < SAMPLES_PER_STRATUM && fullest.kept.length > SAMPLES_PER_STRATUM) {
      fullest.kept.splice(Math.floor(random() * fullest.kept.length), 1)
      fullest.limit = fullest.kept.length
      return true
    }
    stratum.limit = stratum.kept.length
    return false
  }
}

function stratumOf(durationMs: number): number {
  for (let i = 0; i < STRATA_MS.length; i++) if (durationMs < STRATA_MS[i]!) return i
  return STRATA_MS.length
}
