import { type Clock, currentRequestScope, type RequestScope } from '../../core/index.ts'
import type { CacheMetrics, RedisOp } from '../metrics.ts'
import { isOutage, RedisFault, toFault } from './fault.ts'
import type { Journal, JournalName } from './journal.ts'
import { FILL, LEASE, RELEASE, RENEW } from './lease.lua.ts'
import type { RedisArg } from './port.ts'
import type { Primaries, Primary } from './primary.ts'
import type { BytesReader } from './read-queue.ts'
import type { RecentWrites } from './recent-writes.ts'
import type { RedisNames } from './redis-names.ts'
import type { Router } from './router.ts'
import { INCREMENT, LOCK } from './shared.lua.ts'
import { bumpedAtMs, bumpedVersion, firstVersion, toVersion } from './tag-version.ts'
import { BUMP, DELETE, SET } from './write.lua.ts'

/** What Redis said to a request for a lease. */
export type LeaseReply =
  | { readonly kind: 'stored'; readonly bytes: Buffer }
  | { readonly kind: 'granted'; readonly versions: readonly (number | undefined)[] }
  | { readonly kind: 'held'; readonly leftMs: number }

/** Some of the names that a scan finds. */
export interface ScanPage {
  readonly names: readonly string[]
  readonly isLast: boolean
}

/** What the tier needs. */
export interface RemoteDeps {
  readonly clock: Clock
  readonly primaries: Primaries
  readonly router: Router
  readonly names: RedisNames
  readonly journal: Journal
  readonly recent: RecentWrites
  readonly metrics: CacheMetrics
  readonly senderId: string
  /** A write was noted in the journal although Redis is not away. */
  onRefused(): void
}

/** How long a lease stands without being renewed: the time that others wait after its holder died. */
export const LEASE_MS = 2000
/** Least life of a tag's version. When it ends, entries with the tag are missed once; nothing wrong is served. */
const TAG_LIFE_MS = 86_400_000

/** Names that Redis looks at in one step of a scan: well under a millisecond. */
const SCAN_COUNT = 1000
/** A restart and a clear are told apart by seconds of uptime and by the clocks of several processes. */
const CLEARED_MARGIN_MS = 1000

/** The second tier: entries, leases and tag versions in Redis. All methods reject with RedisFault when Redis does not do its part, except where said. */
export class RemoteTier {
  readonly #deps: RemoteDeps
  readonly #primaries: Primaries
  readonly #router: Router

  constructor(deps: RemoteDeps) {
    this.#deps = deps
    this.#primaries = deps.primaries
    this.#router = deps.router
  }

  /** True when the server that holds `key` may be asked. */
  isUsableFor(key: string): boolean {
    return this.#primaries.ownerOf(this.#entryName(key))?.link.isUsable === true
  }

  /** The clock of the server that holds `key`. */
  serverNowMs(key: string): number {
    return this.#nowMsAt(this.#primaries.isCluster ? this.#entryName(key) : '')
  }

  /** The clock of the server that holds the version of `tag`. */
  tagNowMs(tag: string): number {
    return this.#nowMsAt(this.#deps.names.tagPrefix + tag)
  }

  /** True while every change of the tag's version is heard of; and while its server is away, because then nobody else can change it either. */
  mayUseVersion(tag: string): boolean {
    const owner = this.#ownerOfTag(tag)
    return owner !== undefined && (!owner.link.isUsable || (owner.coherence.isTrusted && owner.coherence.mode === 'tracking'))
  }

  /** True when a version of the tag, once read, may be noted for {@link mayUseVersion}. */
  mayNoteVersion(tag: string): boolean {
    return this.#ownerOfTag(tag)?.coherence.isTrusted === true
  }

  /** Asks for the entry's bytes. A share of 1 round trip. */
  ask(key: string, reader: BytesReader): void {
    this.#ask(this.#entryName(key), reader)
  }

  /** The entry's bytes. A share of 1 round trip. */
  read(key: string): Promise<Buffer | null> {
    return this.#read(this.#entryName(key))
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

  /** Asks who loads `key`. `known` are the versions of its tags that are known to be current, 0 for the others, which are given one when they have none.
   *  1 round trip. */
  async lease(key: string, token: string, seen: Buffer | undefined, tags: readonly string[], known: readonly number[]): Promise<LeaseReply> {
    const { names } = this.#deps
    const newTags = tags.filter((_, i) => known[i] === 0)
    const pair = this.#pair(key)
    const args = [token, LEASE_MS, seen ?? '', TAG_LIFE_MS]
    if (this.#primaries.isCluster) {
      // A script may touch one slot only. What is known stays right for storing: were it old, the entry would be dead, and never the other way round.
      // A version that cannot be had costs the storing, not the lease: one process loads, the others do not wait for nobody.
      const asked: Promise<readonly (number | undefined)[]> = this.ensuredVersions(newTags).catch(() => newTags.map(() => undefined))
      const [reply, versions] = await Promise.all([this.#router.run('lease', LEASE, pair, args), asked])
      let next = 0
      return toLeaseReply(reply, () => known.map(version => (version === 0 ? versions[next++] : version)))
    }
    // A plain command, so that NOLOOP holds and we do not hear of our own version. Sent in the same tick: it arrives before the script.
    const created = this.#create(newTags)
    const keys = [...pair, ...tags.map(tag => names.tagPrefix + tag)]
    const [reply] = await Promise.all([this.#router.run('lease', LEASE, keys, args), ...created])
    return toLeaseReply(reply, rest => tags.map((_, i) => toVersion(rest[i] as Buffer | null)))
  }

  /** Stores a loaded value; false when the lease was lost. 1 round trip. */
  async fill(key: string, token: string, bytes: Buffer, ttlMs: number): Promise<boolean> {
    const keys = this.#pair(key)
    try {
      return (await this.#router.run('fill', FILL, keys, [token, bytes, ttlMs, ...this.#message(keys[0])])) === 1
    } catch (error) {
      // The lease outlives the fault, also on a promoted replica, and others would wait for a value that does not come.
      if (isOutage(toFault(error).kind)) this.#deps.journal.addKey(key)
      else void this.release(key, token)
      throw error
    }
  }

  /** Prolongs a lease; false when it is lost. */
  async renew(key: string, token: string): Promise<boolean> {
    return (await this.#router.run('lease', RENEW, [this.#leaseName(key)], [token, LEASE_MS])) === 1
  }

  /** Lets others load. Never rejects: the lease ends by itself. */
  async release(key: string, token: string): Promise<void> {
    await this.#router.run('lease', RELEASE, [this.#leaseName(key)], [token]).catch(() => undefined)
  }

  /** Writes. Never rejects: when Redis is away the key is noted for deletion, so that no older value survives there. Returns whether it was written. */
  async set(key: string, bytes: Buffer, ttlMs: number): Promise<boolean> {
    const keys = this.#pair(key)
    const work = this.#router
      .run('set', SET, keys, [bytes, ttlMs, ...this.#message(keys[0])])
      .catch(error => this.#onMove(error, keys, [['set', [keys[0], bytes, 'px', ttlMs]]]))
    this.#deps.recent.addKey(key)
    return (await this.#orJournal(work, () => this.#deps.journal.addKey(key))) !== undefined
  }

  /** Deletes. Never rejects: when Redis is away the delete is noted and sent before Redis is read again. Returns whether there was something. */
  async delete(key: string): Promise<boolean> {
    const keys = this.#pair(key)
    const work = this.#router.run('delete', DELETE, keys, this.#message(keys[0])).catch(error =>
      // Written first, because deleting nothing tells nobody.
      this.#onMove(error, keys, [
        ['set', [keys[0], '', 'px', LEASE_MS]],
        ['unlink', [keys[0]]],
      ]),
    )
    this.#deps.recent.addKey(key)
    return (await this.#orJournal(work, () => this.#deps.journal.addKey(key))) === 1
  }

  /** Names of entries and leases that match, in batches; never blocks Redis for longer than a look at {@link SCAN_COUNT} names. In a cluster one server
   *  after the other. */
  async *scan(glob: string): AsyncGenerator<{ entries: string[]; leased: string[] }> {
    const { keyPrefix, leasePrefix, keySuffix, scanPrefix } = this.#deps.names
    for await (const { names } of this.scanNames(scanPrefix + glob + keySuffix, SCAN_COUNT)) {
      const keysUnder = (prefix: string): string[] =>
        names.filter(name => name.startsWith(prefix)).map(name => name.slice(prefix.length, name.length - keySuffix.length))
      yield { entries: keysUnder(keyPrefix), leased: keysUnder(leasePrefix) }
    }
  }

  /** Names in Redis that match, a page of about `count` at a time. */
  async *scanNames(match: string, count: number): AsyncGenerator<ScanPage> {
    const links = this.#primaries.all().map(({ link }) => link)
    for (const link of links) {
      let cursor = '0'
      do {
        const [next, found] = (await link.send('scan', 'scan', [cursor, 'match', match, 'count', count])) as [Buffer, Buffer[]]
        cursor = next.toString()
        yield { names: found.map(name => name.toString()), isLast: cursor === '0' && link === links.at(-1) }
      } while (cursor !== '0')
    }
  }

  /** Tells all processes to forget what matches. 1 round trip. */
  async announcePattern(glob: string): Promise<void> {
    const { names, senderId } = this.#deps
    await this.#router.send('invalidate', 'publish', names.channel, [names.channel, `${senderId} ${names.patternPrefix}${glob}`])
  }

  /** Gives tags new versions; '' is the tag of everything. Never rejects, as {@link delete}. Returns whether Redis has all of them. */
  async bump(tags: readonly string[]): Promise<boolean> {
    for (const tag of tags) this.#deps.recent.addTag(tag)
    const replies = await Promise.all(tags.map(tag => this.#orJournal(this.#bumpOne(tag), () => this.#deps.journal.addTag(tag))))
    return !replies.includes(undefined)
  }

  /** Adds to a counter and returns it. 1 round trip. */
  async increment(key: string, by: number, ttlMs: number): Promise<number> {
    const { names } = this.#deps
    return Number(await this.#router.run('counter', INCREMENT, [names.counterPrefix + key], [by, ttlMs]))
  }

  /** Takes a lock: 0, or for how many milliseconds somebody else holds it. 1 round trip. */
  async lock(key: string, token: string, ttlMs: number): Promise<number> {
    const { names } = this.#deps
    return Number(await this.#router.run('lock', LOCK, [names.lockPrefix + key], [token, ttlMs]))
  }

  /** Prolongs a lock; false when it is lost. 1 round trip. */
  async prolongLock(key: string, token: string, ttlMs: number): Promise<boolean> {
    const { names } = this.#deps
    return (await this.#router.run('lock', RENEW, [names.lockPrefix + key], [token, ttlMs])) === 1
  }

  /** Gives a lock back; false when it was lost before. 1 round trip. */
  async unlock(key: string, token: string): Promise<boolean> {
    const { names } = this.#deps
    return (await this.#router.run('lock', RELEASE, [names.lockPrefix + key], [token])) === 1
  }

  /** True when the journal holds something for this server. */
  owes(primary: Primary): boolean {
    return this.#deps.journal.hasFor(name => this.#isAt(primary, name))
  }

  /** Notes again what this process changed at this server of late, because the server may have lost it. */
  repeatRecent(primary: Primary): void {
    this.#deps.recent.copyTo(this.#deps.journal, name => this.#isAt(primary, name))
  }

  /** True when everything was dropped in the last `uptimeMs` of the Redis server. False when that cannot be told. */
  async wasClearedSince(uptimeMs: number): Promise<boolean> {
    const name = this.#deps.names.tagPrefix
    const link = this.#primaries.ownerOf(name)?.link
    const version = toVersion((await link?.sendUngated('control', 'get', [name]).catch(() => null)) as Buffer | null)
    return version !== undefined && link !== undefined && bumpedAtMs(version) > link.serverNowMs() - uptimeMs + CLEARED_MARGIN_MS
  }

  /** Sends what the journal holds for this server, and returns the tags. Used while healing, before anybody reads. @throws RedisFault; then the journal
   *  is as before. */
  async replay(primary: Primary): Promise<readonly string[]> {
    const { journal, metrics } = this.#deps
    if (journal.hasOverflowed) metrics.errors.bind('journal_overflow').add()
    const { keys, tags } = journal.drain(name => this.#isAt(primary, name))
    const deletes = keys.map(key => {
      const [value, lease] = this.#pair(key)
      return this.#again(primary, journal.addKey.bind(journal, key), [DELETE.source, 2, value!, lease!, ...this.#message(value!)], 'delete')
    })
    const failed = (await Promise.all([...deletes, ...tags.map(tag => this.#bumpAgain(primary, tag))])).find(fault => fault !== undefined)
    if (failed !== undefined) throw failed
    return tags
  }

  /** Notes what failed. Resolves with the fault unless the key is elsewhere by now, where it will be sent instead. */
  async #again(primary: Primary, note: () => void, args: RedisArg[], op: RedisOp): Promise<RedisFault | undefined> {
    try {
      await primary.link.sendUngated(op, 'eval', args)
      return undefined
    } catch (error) {
      note()
      return this.#primaries.redirect(error, primary) === undefined ? toFault(error) : undefined
    }
  }

  #bumpAgain(primary: Primary, tag: string): Promise<RedisFault | undefined> {
    const key = this.#deps.names.tagPrefix + tag
    return this.#again(primary, () => this.#deps.journal.addTag(tag), [BUMP.source, 1, key, ...this.#bumpArgs(tag, key)], 'invalidate')
  }

  #isAt(primary: Primary, { key, tag }: JournalName): boolean {
    return this.#primaries.ownerOf(key === undefined ? this.#deps.names.tagPrefix + tag! : this.#entryName(key)) === primary
  }

  #create(tags: readonly string[]): Promise<unknown>[] {
    return tags.map(tag => {
      const key = this.#deps.names.tagPrefix + tag
      return this.#router.send('lease', 'set', key, [key, firstVersion(), 'nx', ...(tag === '' ? [] : ['px', 2 * TAG_LIFE_MS])])
    })
  }

  /** While a slot moves to another member, two keys of it cannot be touched together. Loads are not stored then, so that one after the other will do. */
  async #onMove(error: unknown, [value, lease]: readonly [string, string], commands: readonly (readonly [string, RedisArg[]])[]): Promise<unknown> {
    if (toFault(error).kind !== 'try_again') throw error
    await this.#router.send('delete', 'unlink', lease, [lease])
    let reply: unknown
    for (const [command, args] of commands) reply = await this.#router.send('set', command, value, args)
    const [channel, message] = this.#message(value)
    if (channel !== '') await this.#router.send('invalidate', 'publish', value, [channel, message])
    return reply
  }

  #bumpOne(tag: string): Promise<unknown> {
    const key = this.#deps.names.tagPrefix + tag
    return this.#router.run('invalidate', BUMP, [key], this.#bumpArgs(tag, key))
  }

  #bumpArgs(tag: string, redisKey: string): RedisArg[] {
    return [bumpedVersion(this.#nowMsAt(redisKey)), tag === '' ? 0 : 2 * TAG_LIFE_MS, ...this.#message(redisKey)]
  }

  #ownerOfTag(tag: string): Primary | undefined {
    return this.#primaries.ownerOf(this.#primaries.isCluster ? this.#deps.names.tagPrefix + tag : '')
  }

  #nowMsAt(redisKey: string): number {
    return this.#primaries.ownerOf(redisKey)?.link.serverNowMs() ?? 0
  }

  #entryName(key: string): string {
    const { keyPrefix, keySuffix } = this.#deps.names
    return keyPrefix + key + keySuffix
  }

  #leaseName(key: string): string {
    const { leasePrefix, keySuffix } = this.#deps.names
    return leasePrefix + key + keySuffix
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

  #pair(key: string): [value: string, lease: string] {
    return [this.#entryName(key), this.#leaseName(key)]
  }

  #message(redisKey: string): [channel: string, message: string] {
    const isSilent = this.#primaries.ownerOf(redisKey)?.coherence.mode !== 'pubsub'
    return isSilent ? ['', ''] : [this.#deps.names.channel, `${this.#deps.senderId} ${redisKey}`]
  }

  #read(redisKey: string): Promise<Buffer | null> {
    return new Promise((resolve, reject) => this.#ask(redisKey, { onBytes: resolve, onFault: reject }))
  }

  #ask(redisKey: string, reader: BytesReader): void {
    const scope = currentRequestScope()
    const owner = this.#primaries.ownerOf(redisKey)
    if (owner === undefined) reader.onFault(new RedisFault('away', 'no server for this key is known'))
    else owner.reader.ask(redisKey, scope === undefined ? reader : this.#timedFor(scope, reader))
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

function toLeaseReply(reply: unknown, versionsOf: (rest: (Buffer | number | null)[]) => readonly (number | undefined)[]): LeaseReply {
  const [code, ...rest] = reply as [number, ...(Buffer | number | null)[]]
  if (code === 0) return { kind: 'stored', bytes: rest[0] as Buffer }
  if (code === 2) return { kind: 'held', leftMs: Math.max(1, Number(rest[0])) }
  return { kind: 'granted', versions: versionsOf(rest) }
}
