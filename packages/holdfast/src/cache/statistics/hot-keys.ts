/** A key that is read more than others, with estimates from samples. */
export interface HotKey {
  readonly key: string
  /** Estimated reads in the window; never less than the true share of the samples. */
  readonly reads: number
  /** What is certain of them: the estimate without what the key may have inherited from another. */
  readonly leastReads: number
}

/** The keys read most over one whole window. */
export interface HotKeyWindow {
  readonly endedAtMs: number
  readonly windowMs: number
  /** Samples taken. Nothing can be said of fewer than a hundred. */
  readonly sampleCount: number
  /** Reads that the samples stand for. */
  readonly reads: number
  /** Most first, at most {@link HOT_KEYS_SHOWN}. */
  readonly keys: readonly HotKey[]
}

/** Keys followed at once. A key with more than 1/64 of the samples is certain to be among them.
 *  @source Metwally et al., ICDT 2005, "Efficient computation of frequent and top-k elements in data streams", theorem 2 */
const SLOTS = 64
export const HOT_KEYS_SHOWN = 8
/** Length of a window. */
export const HOT_KEY_WINDOW_MS = 60_000
/** Keys longer than this are shown cut. */
const SHOWN_LENGTH = 200

/** Finds the keys read most among sampled reads, in constant memory (Space-Saving). */
export class HotKeySketch {
  /** Place of each key in the arrays, which are scanned for the least: a scan of numbers costs a twentieth of one over a map. */
  readonly #places = new Map<string, number>()
  readonly #keys: string[] = []
  readonly #counts = new Uint32Array(SLOTS)
  readonly #inherited = new Uint32Array(SLOTS)
  #sampleCount = 0
  #reads = 0
  #startedAtMs: number
  #last: HotKeyWindow | undefined

  constructor(nowMs: number) {
    this.#startedAtMs = nowMs
  }

  /** Counts one sampled read that stands for `reads`. O(1), and O(64) when a key takes another's place. */
  add(key: string, reads: number, nowMs: number): void {
    this.#rotate(nowMs)
    this.#sampleCount++
    this.#reads += reads
    const known = this.#places.get(key)
    if (known !== undefined) this.#counts[known]! += reads
    else if (this.#keys.length < SLOTS) this.#put(key, this.#keys.length, 0, reads)
    else {
      const least = this.#least()
      this.#put(key, least, this.#counts[least]!, reads)
    }
  }

  /** The last whole window; `undefined` before there is one. */
  window(nowMs: number): HotKeyWindow | undefined {
    this.#rotate(nowMs)
    return this.#last
  }

  #put(key: string, place: number, inherited: number, reads: number): void {
    const replaced = this.#keys[place]
    if (replaced !== undefined) this.#places.delete(replaced)
    this.#keys[place] = key
    this.#places.set(key, place)
    this.#counts[place] = inherited + reads
    this.#inherited[place] = inherited
  }

  #least(): number {
    let least = 0
    for (let place = 1; place < SLOTS; place++) if (this.#counts[place]! < this.#counts[least]!) least = place
    return least
  }

  #rotate(nowMs: number): void {
    const windowMs = nowMs - this.#startedAtMs
    if (windowMs < HOT_KEY_WINDOW_MS) return
    const ranked = [...this.#places].sort(([, a], [, b]) => this.#counts[b]! - this.#counts[a]!).slice(0, HOT_KEYS_SHOWN)
    this.#last = {
      endedAtMs: nowMs,
      windowMs,
      sampleCount: this.#sampleCount,
      reads: this.#reads,
      keys: ranked.map(([key, place]) => ({
        key: key.length > SHOWN_LENGTH ? `${key.slice(0, SHOWN_LENGTH)}…` : key,
        reads: this.#counts[place]!,
        leastReads: this.#counts[place]! - this.#inherited[place]!,
      })),
    }
    this.#places.clear()
    this.#keys.length = 0
    this.#sampleCount = 0
    this.#reads = 0
    this.#startedAtMs = nowMs
  }
}
