/** A read that is told when its key changes. */
export interface TaintableRead {
  /** Set when the key changed while the answer was awaited: it is returned, never stored. */
  isTainted: boolean
}

/** Reads in one table; then the next is begun. */
const TABLE_LIMIT = 64

/** The reads under way, by key. Kept in many short-lived tables: one Map with keys coming and going for ever leaves a chain of dead tables behind,
 *  each pointing to the next, through which V8's scavenger takes old reads for alive. One Map measured about a tenth more time for a read. */
export class InFlightReads<R extends TaintableRead> {
  #tables: Map<string, R>[] = []
  #newest: Map<string, R> | undefined
  #addedToNewest = 0

  get(key: string): R | undefined {
    for (const table of this.#tables) {
      const read = table.get(key)
      if (read !== undefined) return read
    }
    return undefined
  }

  /** Adds a read of a key that has none. Returns where it is, to be given to `remove`. */
  add(key: string, read: R): Map<string, R> {
    let table = this.#newest
    if (table === undefined || this.#addedToNewest >= TABLE_LIMIT) {
      table = new Map()
      this.#newest = table
      this.#addedToNewest = 0
      this.#tables.push(table)
    }
    table.set(key, read)
    this.#addedToNewest++
    return table
  }

  /** Removes a read, unless it was tainted and so is gone already. */
  remove(key: string, read: R, table: Map<string, R>): void {
    if (table.get(key) === read) this.#delete(key, table)
  }

  /** Marks the read of a key, and no longer shares it. */
  taint(key: string): void {
    for (const table of this.#tables) {
      const read = table.get(key)
      if (read === undefined) continue
      read.isTainted = true
      this.#delete(key, table)
      return
    }
  }

  taintAll(): void {
    for (const table of this.#tables) for (const read of table.values()) read.isTainted = true
    this.#tables = []
    this.#newest = undefined
  }

  #delete(key: string, table: Map<string, R>): void {
    table.delete(key)
    if (table.size > 0) return
    const at = this.#tables.indexOf(table)
    if (at >= 0) this.#tables.splice(at, 1)
    if (this.#newest === table) this.#newest = undefined
  }
}
