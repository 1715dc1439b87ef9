import { AsyncLocalStorage } from 'node:async_hooks'
import type { TagCell, TagSnapshot, TagTable } from '../tag-table.ts'

/** A tag as it stood when something with it was read. */
export interface NotedTag {
  readonly cell: TagCell
  readonly generation: number
  /** The version in Redis that goes with the generation; 0 when it was not known. */
  readonly version: number
}

const storage = new AsyncLocalStorage<ReadTags>()
/** Collections under way. While there is none, a read does not ask for its own. */
let openCount = 0

/** The collection that a read is noted in, if there is one. */
export function currentReadTags(): ReadTags | undefined {
  return openCount === 0 ? undefined : storage.getStore()
}

/** What reading needs to know of Redis. */
export interface VersionKnowledge {
  /** True while the version noted in the cell of the tag is the one that Redis has. */
  mayUseVersion(tag: string): boolean
}

/** Tags of the entries that some work reads, each as it stood at the first read. Close it, or all reads of the process keep looking for theirs. */
export class ReadTags {
  readonly noted: Map<string, NotedTag> = new Map()
  /** True when something was read of which it is known that it is old by now, or not known what it depends on. */
  isUntrackable = false
  readonly #table: TagTable
  readonly #versions: VersionKnowledge | undefined
  readonly #outer = storage.getStore()
  #isOpen = true

  constructor(table: TagTable, versions: VersionKnowledge | undefined) {
    this.#table = table
    this.#versions = versions
    openCount++
  }

  /** Runs `work` so that everything it reads, also after it returned, is noted here, and where the caller's own reads are. */
  run<T>(work: () => T): T {
    return storage.run(this, work)
  }

  /** Notes a read from the cache that `table` belongs to. */
  note(table: TagTable, { cells, generations }: TagSnapshot): void {
    this.#outer?.note(table, { cells, generations })
    // Another cache invalidates by itself, and its tags mean nothing here.
    if (table !== this.#table || !this.#isOpen) return
    for (let i = 0; i < cells.length; i++) {
      const cell = cells[i]!
      // The first reading counts: what was read later does not make what was read before any newer.
      if (cell.tag === '' || this.noted.has(cell.tag)) continue
      const isKnown = cell.generation === generations[i] && this.#versions?.mayUseVersion(cell.tag) === true
      this.noted.set(cell.tag, { cell, generation: generations[i]!, version: isKnown ? cell.version : 0 })
    }
  }

  /** Notes that what was read must not be kept. */
  spoil(table: TagTable): void {
    this.#outer?.spoil(table)
    if (table === this.#table) this.isUntrackable = true
  }

  /** Reads from now on are not noted. */
  close(): void {
    if (!this.#isOpen) return
    this.#isOpen = false
    // Node 20 pays for a storage in use at every asynchronous step of the process. @source bench/http
    if (--openCount === 0) storage.disable()
  }
}
