/** What this process knows of one tag. */
export interface TagCell {
  readonly tag: string
  /** Grows with every invalidation heard of. An entry in memory is valid while its tags' generations are those it was stored with. */
  generation: number
  /** The tag's version in Redis, when it is known and nothing newer was heard of; 0 when unknown. */
  version: number
  /** Entries in memory that point here. A cell in use is never dropped, or its entries could not be invalidated. */
  uses: number
}

/** Cells kept that no entry uses, so that a later read needs no round trip for the version. */
const UNUSED_LIMIT = 10_000

/** The tags this process has to do with. Bounded by the entries in memory and {@link UNUSED_LIMIT}. */
export class TagTable {
  readonly #cells = new Map<string, TagCell>()
  #sweepAt = UNUSED_LIMIT

  /** The cell of `tag`, made when there is none. */
  cell(tag: string): TagCell {
    let cell = this.#cells.get(tag)
    if (cell === undefined) {
      if (this.#cells.size >= this.#sweepAt) this.#sweep()
      cell = { tag, generation: 0, version: 0, uses: 0 }
      this.#cells.set(tag, cell)
    }
    return cell
  }

  /** Marks everything with `tag` as old. */
  invalidate(tag: string): void {
    const cell = this.#cells.get(tag)
    if (cell === undefined) return
    cell.generation++
    cell.version = 0
  }

  /** Forgets all versions, because messages may have been lost. */
  forgetVersions(): void {
    for (const cell of this.#cells.values()) {
      cell.generation++
      cell.version = 0
    }
  }

  #sweep(): void {
    for (const cell of this.#cells.values()) {
      if (cell.uses > 0) continue
      // A load that still holds this cell must not take a later cell of the same name for unchanged.
      cell.generation = Number.NaN
      this.#cells.delete(cell.tag)
    }
    this.#sweepAt = this.#cells.size + UNUSED_LIMIT
  }
}

/** Tags with the generations seen at one moment. */
export interface TagSnapshot {
  readonly cells: readonly TagCell[]
  readonly generations: readonly number[]
}

/** No tags. */
export const NO_TAGS: TagSnapshot = { cells: [], generations: [] }

/** The generations as of now. */
export function snapshotTags(table: TagTable, tags: readonly string[]): TagSnapshot {
  if (tags.length === 0) return NO_TAGS
  const cells = tags.map(tag => table.cell(tag))
  return { cells, generations: cells.map(cell => cell.generation) }
}

/** The snapshot without '', the tag of everything: when that changes, memory is emptied, so no entry needs to look. */
export function withoutNamespaceTag(snapshot: TagSnapshot): TagSnapshot {
  const { cells, generations } = snapshot
  if (cells[0]?.tag !== '') return snapshot
  return cells.length === 1 ? NO_TAGS : { cells: cells.slice(1), generations: generations.slice(1) }
}

/** True while no tag of the snapshot was invalidated since. */
export function isCurrent(snapshot: TagSnapshot): boolean {
  const { cells, generations } = snapshot
  for (let i = 0; i < cells.length; i++) if (cells[i]!.generation !== generations[i]) return false
  return true
}
