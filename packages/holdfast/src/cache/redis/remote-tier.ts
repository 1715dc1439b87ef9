import { type Clock, currentRequestScope, type RequestScope } from '../../core/index.ts'
import { escapeGlob } from '../glob.ts'
import type { CacheMetrics } from '../metrics.ts'
import { BatchReader, type BytesReader } from './batch-reader.ts'
import { isOutage, toFault } from './fault.ts'
import type { Journal } from './journal.ts'
import { FILL, LEASE, RELEASE, RENEW } from './lease.lua.ts'
import type { RedisLink } from './link.ts'
import { INCREMENT, LOCK } from './shared.lua.ts'
import { BUMP, DELETE, SET } from './write.lua.ts'

/** What Redis said to a request for a lease. */
export type LeaseReply =
  | { readonly kind: 'stored'; readonly bytes: Buffer }
  | { readonly kind: 'granted'; readonly versions: readonly (number | undefined)[] }
  | { readonly kind: 'held'; readonly leftMs: number }

/** Names of things in Redis. */
export interface RedisNames {
  readonly keyPrefix: string
  readonly leasePrefix: string
  readonly tagPrefix: string
  readonly counterPrefix: string
  readonly lockPrefix: string
  readonly channel: string
  /** Before a pattern in a message. */
  readonly patternPrefix: string
  /** Before a pattern, itself a pattern: entries and leases. */
  readonly scanPrefix: string
}

/** What the tier needs. */
export interface RemoteDeps {
  readonly clock: Clock
  readonly link: RedisLink
  readonly names: RedisNames
  readonly journal: Journal
  readonly metrics: CacheMetrics
  readonly senderId: string
  /** A write was noted in the journal although Redis is not away. */
  onRefused(): void
  /** True while writes must be announced by messages. */
  needsMessages(): boolean
}

/** How long a lease stands without being renewed: the time that others wait after its holder died. */
export const LEASE_MS = 2000
/** Least life of a tag's version. When it ends, entries with the tag are missed once; nothing wrong is served. */
const TAG_LIFE_MS = 86_400_000

/** Names that Redis looks at in one step of a scan: well under a millisecond. */
const SCAN_COUNT = 1000

/** Names for a namespace. */
export function redisNames(namespace: string): RedisNames {
  const base = `hf:${namespace}`
  return {
    keyPrefix: `${base}:v:`,
    leasePrefix: `${base}:l:`,
    tagPrefix: `${base}:t:`,
    counterPrefix: `${base}:c:`,
    lockPrefix: `${base}:k:`,
    channel: `${base}:invalidate`,
    patternPrefix: `${base}:p:`,
    scanPrefix: `${escapeGlob(base)}:[vl]:`,
  }
}

/** The second tier: entries, leases and tag versions in Redis. All methods reject with RedisFault when Redis does not do its part, except where said. */
export class RemoteTier {
  readonly #deps: RemoteDeps
  readonly #reader: BatchReader

  constructor(deps: RemoteDeps) {
    this.#deps = deps
    this.#reader = new BatchReader(deps.link)
  }

  get isUsable(): boolean {
    return this.#deps.link.isUsable
  }

  serverNowMs(): number {
    return this.#deps.link.serverNowMs()
  }

  /** Asks for the entry's bytes. A share of 1 round trip. */
  ask(key: string, reader: BytesReader): void {
    this.#ask(this.#deps.names.keyPrefix + key, reader)
  }

  /** The entry's bytes. A share of 1 round trip. */
  read(key: string): Promise<Buffer | null> {
    return this.#read(this.#deps.names.keyPrefix + key)
  }

  /** Versions of tags; `undefined` for a tag that has none. A share of 1 round trip. */
  async versions(tags: readonly string[]): Promise<(number | undefined)[]> {
    const replies = await Promise.all(tags.map(tag => this.#read(this.#deps.names.tagPrefix + tag)))
    return replies.map(toVersion)
  }

  /** As {@link versions}, giving one to each tag that has none. 1 round trip. */
  async ensuredVersions(tags: readonly string[]): Promise<(number | undefined)[]> {
    const created = this.#create(tags)
    const [versions] = await Promise.all([this.versions(tags), ...created])
    return versions
  }

  /** Asks who loads `key`. `newTags` are those not known to have a version; they get one. 1 round trip. */
  async lease(key: string, token: string, seen: Buffer | undefined, tags: readonly string[], newTags: readonly string[]): Promise<LeaseReply> {
    const { link, names } = this.#deps
    // A plain command, so that NOLOOP holds and we do not hear of our own version. Sent in the same tick: it arrives before the script.
    const created = this.#create(newTags)
    const keys = [names.keyPrefix + key, names.leasePrefix + key, ...tags.map(tag => names.tagPrefix + tag)]
    const [reply] = await Promise.all([link.run('lease', LEASE, keys, [token, LEASE_MS, seen ?? '', TAG_LIFE_MS]), ...created])
    const [code, ...rest] = reply as [number, ...(Buffer | number | null)[]]
    if (code === 0) return { kind: 'stored', bytes: rest[0] as Buffer }
    if (code === 2) return { kind: 'held', leftMs: Math.max(1, Number(rest[0])) }
    return { kind: 'granted', versions: tags.map((_, i) => toVersion(rest[i] as Buffer | null)) }
  }

  /** Stores a loaded value; false when the lease was lost. 1 round trip. */
  async fill(key: string, token: string, bytes: Buffer, ttlMs: number): Promise<boolean> {
    const { link, names } = this.#deps
    const keys = [names.keyPrefix + key, names.leasePrefix + key]
    return (await link.run('fill', FILL, keys, [token, bytes, ttlMs, ...this.#message(keys[0]!)])) === 1
  }

  /** Prolongs a lease; false when it is lost. */
  async renew(key: string, token: string): Promise<boolean> {
    const { link, names } = this.#deps
    return (await link.run('lease', RENEW, [names.leasePrefix + key], [token, LEASE_MS])) === 1
  }

  /** Lets others load. Never rejects: the lease ends by itself. */
  async release(key: string, token: string): Promise<void> {
    const { link, names } = this.#deps
    await link.run('lease', RELEASE, [names.leasePrefix + key], [token]).catch(() => undefined)
  }

  /** Writes. Never rejects: when Redis is away the key is noted for deletion, so that no older value survives there. Returns whether it was written. */
  async set(key: string, bytes: Buffer, ttlMs: number): Promise<boolean> {
    const keys = this.#pair(key)
    const isDone = await this.#orJournal(this.#deps.link.run('set', SET, keys, [bytes, ttlMs, ...this.#message(keys[0]!)]), () =>
      this.#deps.journal.addKey(key),
    )
    return isDone !== undefined
  }

  /** Deletes. Never rejects: when Redis is away the delete is noted and sent before Redis is read again. Returns whether there was something. */
  async delete(key: string): Promise<boolean> {
    const keys = this.#pair(key)
    const found = await this.#orJournal(this.#deps.link.run('delete', DELETE, keys, this.#message(keys[0]!)), () => this.#deps.journal.addKey(key))
    return found === 1
  }

  /** Names of entries and leases that match, in batches; never blocks Redis for longer than a look at {@link SCAN_COUNT} names. */
  async *scan(glob: string): AsyncGenerator<{ entries: string[]; leased: string[] }> {
    const { link, names } = this.#deps
    let cursor = '0'
    do {
      const reply = await link.send('scan', 'scan', [cursor, 'match', names.scanPrefix + glob, 'count', SCAN_COUNT])
      const [next, found] = reply as [Buffer, Buffer[]]
      cursor = next.toString()
      const all = found.map(name => name.toString())
      const keysUnder = (prefix: string): string[] => all.filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length))
      yield { entries: keysUnder(names.keyPrefix), leased: keysUnder(names.leasePrefix) }
    } while (cursor !== '0')
  }

  /** Tells all processes to forget what matches. 1 round trip. */
  async announcePattern(glob: string): Promise<void> {
    const { link, names, senderId } = this.#deps
    await link.send('invalidate', 'publish', [names.channel, `${senderId} ${names.patternPrefix}${glob}`])
  }

  /** Gives tags new versions; '' is the tag of everything. Never rejects, as {@link delete}. Returns whether Redis has all of them. */
  async bump(tags: readonly string[]): Promise<boolean> {
    const replies = await Promise.all(tags.map(tag => this.#orJournal(this.#bumpOne(tag, false), () => this.#deps.journal.addTag(tag))))
    return !replies.includes(undefined)
  }

  /** Adds to a counter and returns it. 1 round trip. */
  async increment(key: string, by: number, ttlMs: number): Promise<number> {
    const { link, names } = this.#deps
    return Number(await link.run('counter', INCREMENT, [names.counterPrefix + key], [by, ttlMs]))
  }

  /** Takes a lock: 0, or for how many milliseconds somebody else holds it. 1 round trip. */
  async lock(key: string, token: string, ttlMs: number): Promise<number> {
    const { link, names } = this.#deps
    return Number(await link.run('lock', LOCK, [names.lockPrefix + key], [token, ttlMs]))
  }

  /** Prolongs a lock; false when it is lost. 1 round trip. */
  async prolongLock(key: string, token: string, ttlMs: number): Promise<boolean> {
    const { link, names } = this.#deps
    return (await link.run('lock', RENEW, [names.lockPrefix + key], [token, ttlMs])) === 1
  }

  /** Gives a lock back; false when it was lost before. 1 round trip. */
  async unlock(key: string, token: string): Promise<boolean> {
    const { link, names } = this.#deps
    return (await link.run('lock', RELEASE, [names.lockPrefix + key], [token])) === 1
  }

  /** Sends what the journal holds. Used while healing, before anybody reads. @throws RedisFault; then the journal is as before. */
  async replay(): Promise<void> {
    const { journal, link, metrics } = this.#deps
    if (journal.hasOverflowed) metrics.errors.bind('journal_overflow').add()
    const { keys, tags } = journal.drain()
    const deletes = keys.map(key => {
      const [value, lease] = this.#pair(key)
      return link.sendUngated('delete', 'eval', [DELETE.source, 2, value!, lease!, ...this.#message(value!)])
    })
    try {
      await Promise.all([...deletes, ...tags.map(tag => this.#bumpOne(tag, true))])
    } catch (error) {
      for (const key of keys) journal.addKey(key)
      for (const tag of tags) journal.addTag(tag)
      throw error
    }
  }

  #create(tags: readonly string[]): Promise<unknown>[] {
    const { link, names } = this.#deps
    return tags.map(tag => link.send('lease', 'set', [names.tagPrefix + tag, firstVersion(), 'nx', ...(tag === '' ? [] : ['px', 2 * TAG_LIFE_MS])]))
  }

  #bumpOne(tag: string, isUngated: boolean): Promise<unknown> {
    const { link, names } = this.#deps
    const key = names.tagPrefix + tag
    const args = [bumpedVersion(this.serverNowMs()), tag === '' ? 0 : 2 * TAG_LIFE_MS, ...this.#message(key)]
    return isUngated ? link.sendUngated('invalidate', 'eval', [BUMP.source, 1, key, ...args]) : link.run('invalidate', BUMP, [key], args)
  }

  async #orJournal<T>(work: Promise<T>, note: () => void): Promise<T | undefined> {
    try {
      return await work
    } catch (error) {
      const fault = toFault(error)
      // Also after a refusal (out of memory, no permission): the write did not happen, and must not be forgotten.
      note()
      if (!isOutage(fault.kind)) this.#deps.onRefused()
      return undefined
    }
  }

  #pair(key: string): string[] {
    const { names } = this.#deps
    return [names.keyPrefix + key, names.leasePrefix + key]
  }

  #message(redisKey: string): [channel: string, message: string] {
    return this.#deps.needsMessages() ? [this.#deps.names.channel, `${this.#deps.senderId} ${redisKey}`] : ['', '']
  }

  #read(redisKey: string): Promise<Buffer | null> {
    return new Promise((resolve, reject) => this.#ask(redisKey, { onBytes: resolve, onFault: reject }))
  }

  #ask(redisKey: string, reader: BytesReader): void {
    const scope = currentRequestScope()
    this.#reader.ask(redisKey, scope === undefined ? reader : this.#timedFor(scope, reader))
  }

  #timedFor(scope: RequestScope, reader: BytesReader): BytesReader {
    const { clock } = this.#deps
    const startedAtMs = clock.monotonicMs()
    const count = (): void => {
      scope.redisMs += clock.monotonicMs() - startedAtMs
    }
    return {
      onBytes: bytes => {
        count()
        reader.onBytes(bytes)
      },
      onFault: error => {
        count()
        reader.onFault(error)
      },
    }
  }
}

/** Distinguishes versions of one millisecond: 11 random bits and the lowest, which is 1 for a bump. */
const VERSION_STEPS = 2 ** 12

/** A version for a tag that has none: never used before, and even. Whether an entry is valid depends on equality alone, never on a clock. */
function firstVersion(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2)) as unknown as [number, number]
  return (high & 0xfffff) * 2 ** 32 + ((low & ~1) >>> 0) + 2
}

/** A version for a tag that was invalidated: never used before, and odd. It holds the time, for {@link bumpedAtMs}. Exact until 2039. */
function bumpedVersion(serverNowMs: number): number {
  const [random] = crypto.getRandomValues(new Uint16Array(1)) as unknown as [number]
  return Math.floor(serverNowMs) * VERSION_STEPS + ((random % VERSION_STEPS) | 1)
}

/** When the tag was last invalidated, in milliseconds of the Redis server's clock as its writer knew it; 0 when not since it has a version. */
export function bumpedAtMs(version: number): number {
  return version % 2 === 1 ? Math.floor(version / VERSION_STEPS) : 0
}

function toVersion(reply: Buffer | null | undefined): number | undefined {
  return reply == null ? undefined : Number(reply)
}
