/** One class as the budget sees it. */
export interface BudgetHolder {
  /** Connections open and being opened. */
  readonly totalCount: number
  readonly reserved: number
  readonly max: number
  /** Closes an idle connection, the one idle longest. False when there is none. */
  closeIdle(): boolean
  /** Opens what its waiters need; called when room may have appeared. */
  grow(): void
}

/** Shares one number of connections among classes: each has what is reserved for it, and the rest goes to whoever asks first. */
export class ConnectionBudget {
  #limit: number
  readonly #holders: BudgetHolder[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Most connections of all together, now. */
  get limit(): number {
    return this.#limit
  }

  /** True while more are open than the limit says; whoever gets one back closes it. */
  get isExceeded(): boolean {
    return this.#takenCount() > this.#limit
  }

  resize(limit: number): void {
    if (limit === this.#limit) return
    const hasGrown = limit > this.#limit
    this.#limit = limit
    for (const holder of this.#holders) {
      if (hasGrown) holder.grow()
      else while (this.isExceeded && holder.totalCount > holder.reserved && holder.closeIdle());
    }
  }

  join(holder: BudgetHolder): void {
    this.#holders.push(holder)
  }

  /** True when `holder` may open one more. Another class's idle connection beyond its reserve is closed to make room. */
  admit(holder: BudgetHolder): boolean {
    if (holder.totalCount >= holder.max) return false
    if (this.#hasRoom(holder)) return true
    const spare = this.#holders.find(other => other !== holder && other.totalCount > other.reserved && other.closeIdle())
    return spare !== undefined && this.#hasRoom(holder)
  }

  /** A connection of `from` is gone, or idle: the others may have waiters for its place. */
  release(from: BudgetHolder): void {
    for (const holder of this.#holders) if (holder !== from) holder.grow()
  }

  #hasRoom(holder: BudgetHolder): boolean {
    if (holder.totalCount < holder.reserved) return true
    return this.#takenCount() < this.#limit
  }

  #takenCount(): number {
    let taken = 0
    for (const { totalCount, reserved } of this.#holders) taken += Math.max(totalCount, reserved)
    return taken
  }
}
