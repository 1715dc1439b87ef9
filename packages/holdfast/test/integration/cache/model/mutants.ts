import type { SourceChange } from '../../bundle-child.ts'

/** A cache with one of its safeguards taken out. The model must find each; a model that finds none of them shows nothing. */
export interface Mutant {
  readonly name: string
  readonly changes: readonly SourceChange[]
  /** The faults that it takes to notice; none are needed when absent. */
  readonly faults?: readonly string[]
}

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'a fill does not look at its lease',
    changes: [{ file: 'cache/redis/lease.lua.ts', text: "if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 0 end", by: '' }],
  },
  {
    name: 'a delete leaves the lease standing',
    changes: [
      {
        file: 'cache/redis/write.lua.ts',
        text: "if redis.call('DEL', KEYS[2]) == 1 and found == 0 then redis.pcall('SET', KEYS[1], '') end",
        by: "if found == 0 then redis.pcall('SET', KEYS[1], '') end",
      },
    ],
  },
  {
    name: 'a tainted read is kept',
    changes: [{ file: 'cache/lookup.ts', text: '&& !read.isTainted', by: '' }],
  },
  {
    name: 'tag versions are not compared',
    changes: [
      { file: 'cache/lookup.ts', text: 'if (version !== payload.tags[i]!.version) isCurrent = false', by: '' },
      { file: 'cache/lookup.ts', text: 'return version === (fetched.has(cell) ? fetched.get(cell) : cell.version)', by: 'return true || cell' },
    ],
  },
  {
    name: 'a load under way is shared with callers that come after a change',
    changes: [{ file: 'cache/reloader.ts', text: 'reload.isDetached = true\n    this.#reloads.delete(key)', by: '' }],
  },
  {
    name: 'messages of other processes are not heeded',
    changes: [
      { file: 'cache/redis/coherence.ts', text: 'events.onKeyChanged(name.slice(keyPrefix.length, name.length - keySuffix.length))', by: 'void 0' },
    ],
  },
  {
    name: 'a channel that has fallen silent is trusted',
    faults: ['silenceInvalidation'],
    changes: [{ file: 'cache/redis/coherence.ts', text: 'if (isAnswered || this.#isStopped) return', by: 'return' }],
  },
  {
    name: 'memory is kept after a reconnect',
    faults: ['cutInvalidation', 'killInvalidationClients'],
    changes: [
      { file: 'cache/redis/coherence.ts', text: 'this.#deps.events.onEverythingChanged()\n    this.#isTrusted = true', by: 'this.#isTrusted = true' },
    ],
  },
  {
    name: 'what could not be sent is forgotten',
    faults: ['partition'],
    changes: [
      { file: 'cache/redis/journal.ts', text: 'this.#keys.add(key)', by: '' },
      { file: 'cache/redis/journal.ts', text: 'this.#tags.add(tag)', by: '' },
    ],
  },
]
