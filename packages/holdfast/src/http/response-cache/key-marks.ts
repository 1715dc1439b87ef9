/** Keys remembered until a moment; beyond the limit the oldest are forgotten, which costs a wait or a call and is never wrong. */
export class KeyMarks {
  readonly #limit: number
  readonly #untilMs = new Map<string, number>()

  constructor(limit: number) {
    this.#limit = limit
  }

  set(key: string, untilMs: number): void {
    if (this.#untilMs.size >= this.#limit) this.#untilMs.delete(this.#untilMs.keys().next().value!)
    this.#untilMs.set(key, untilMs)
  }

  has(key: string, nowMs: number): boolean {
    const untilMs = this.#untilMs.get(key)
    if (untilMs === undefined) return false
    if (nowMs < untilMs) return true
    this.#untilMs.delete(key)
    return false
  }

  delete(key: string): void {
    this.#untilMs.delete(key)
  }
}
