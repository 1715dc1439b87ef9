import { randomBytes } from 'node:crypto'
import { type ClockTimer, collectConfigProblems, createLifecycle, type Duration, delay, type Lifecycle, parseDurationMs } from '../../core/index.ts'
import type { TieredCache } from '../cache-contract.ts'
import { type CacheParts, findParts, type RedisAccess } from '../cache-parts.ts'
import type { RedisArg } from '../redis/port.ts'
import { claim } from '../warming/claim.ts'
import { filterSize, hashIds } from './id-hash.ts'
import { CHECK, FILL_IDS, OPEN, PROMOTE } from './known-ids.lua.ts'
import { type FilterState, Membership, TRUST_MS } from './membership.ts'

/** Ids as the database has them. Numbers and their text are the same id. */
export type KnownId = string | number

/** Options of {@link createKnownIds}. */
export interface KnownIdsOptions {
  /** Names the filter in Redis, in metrics and logs. 1 to 64 letters, digits, `.`, `_` or `-`. */
  readonly name: string
  /** All ids that exist, read in one go for each build. What is committed when it begins must be in it: read from the primary, not from a replica. */
  readonly ids: (ctx: { readonly signal: AbortSignal }) => Iterable<KnownId> | AsyncIterable<KnownId> | Promise<Iterable<KnownId>>
  /** How many there are, roughly. The filter grows by itself at the next build. 1 or more. Default 100,000. */
  readonly expected?: number
  /** Share of ids that do not exist and still get `true`, at `expected` ids. 0.0001 to 0.5. Default 0.01. */
  readonly falsePositives?: number
  /** How often it is built anew, which forgets deleted ids. `'1s'` or more. Default `'1h'`. */
  readonly rebuildEvery?: Duration
  /** Longest time from the call of `add` to the commit that creates the id. A build waits for so long before it reads. Default `'30s'`. */
  readonly commitWithin?: Duration
}

/** Knows which ids cannot exist, so that looking for them need not reach the database. Stops with its cache. */
export interface KnownIds extends Lifecycle {
  /** False: the id does not exist. True: it may. An id whose `add` has returned, in whatever process, is never false. 1 Redis round trip; true whenever the
   *  filter cannot be sure. */
  mayExist(id: KnownId): Promise<boolean>
  /** Those that may exist. 1 Redis round trip for each 500. */
  whichMayExist(ids: readonly KnownId[]): Promise<Set<KnownId>>
  /** Call it before the commit that creates the ids, and wait for it. 1 Redis round trip; when Redis is away up to 2.5 s, until no process trusts the filter
   *  any more. @throws HF_CACHE_KNOWN_IDS_AWAY after 10 minutes without Redis, or when it was never reached: then other processes may know nothing of this one */
  add(...ids: KnownId[]): Promise<void>
  /** As last heard: `open` answers true to everything. */
  state(): 'open' | 'closed'
}

const BEAT_MS = 500
const IDS_AT_ONCE = 500
/** Ids of one step of a build: fewer, because others wait for Redis meanwhile. */
const FILLED_AT_ONCE = 100
const FILL_ATTEMPTS = 6
const FILL_PAUSE_MS = 100
/** After a build that failed. */
const RETRY_MS = 5000

/** Prepares a filter of known ids, kept in Redis for all processes of the namespace. Until the first build it answers true to everything; without Redis always.
 *  @throws HF_CONFIG_INVALID naming every bad option at once, HF_CACHE_OPTION_INVALID for a foreign cache */
export function createKnownIds(cache: TieredCache, options: KnownIdsOptions): KnownIds {
  const problems = collectConfigProblems()
  const { name, ids, expected = 100_000, falsePositives = 0.01, rebuildEvery = '1h', commitWithin = '30s' } = options
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) problems.add('knownIds.name', 'must be 1 to 64 letters, digits, ".", "_" or "-"')
  if (typeof ids !== 'function') problems.add('knownIds.ids', 'must be a function that gives ids')
  if (!Number.isSafeInteger(expected) || expected < 1) problems.add('knownIds.expected', `must be a whole number of 1 or more, is ${expected}`)
  if (!(falsePositives >= 0.0001 && falsePositives <= 0.5))
    problems.add('knownIds.falsePositives', `must be from 0.0001 to 0.5, is ${falsePositives}`)
  const rebuildMs = problems.attempt('knownIds.rebuildEvery', () => parseDurationMs(rebuildEvery), 1000)
  if (rebuildMs < 1000) problems.add('knownIds.rebuildEvery', 'must be 1s or more')
  const commitMs = problems.attempt('knownIds.commitWithin', () => parseDurationMs(commitWithin), 1)
  problems.throwIfAny('known-id options')
  return new RedisKnownIds(findParts(cache), { name, ids, expected, falsePositives, rebuildMs, commitMs })
}

interface Resolved extends Required<Pick<KnownIdsOptions, 'name' | 'ids' | 'expected' | 'falsePositives'>> {
  readonly rebuildMs: number
  readonly commitMs: number
}

class RedisKnownIds implements KnownIds {
  readonly start: () => Promise<void>
  readonly stop: () => Promise<void>
  readonly #parts: CacheParts
  readonly #options: Resolved
  readonly #key: string
  readonly #membership: Membership | undefined
  readonly #abort = new AbortController()
  readonly #count: (answer: 'maybe' | 'absent' | 'open', amount: number) => void
  #timer: ClockTimer | undefined
  #building: Promise<void> | undefined
  #retryAtMs = 0
  #state: 'open' | 'closed' = 'open'

  constructor(parts: CacheParts, options: Resolved) {
    this.#parts = parts
    this.#options = options
    // In braces, so that all keys of one filter live on one node of a cluster.
    this.#key = `hf:${parts.namespace}:i:{${options.name}}`
    if (parts.redis !== undefined) this.#membership = new Membership(parts, parts.redis, this.#key)
    const lookups = parts.registry.counter({
      name: 'holdfast_cache_known_ids_lookups',
      help: 'Ids looked up in a filter of known ids, by its answer.',
      labels: ['name', 'answer'],
    })
    this.#count = (answer, amount) => amount > 0 && lookups.bind(options.name, answer).add(amount)
    const stop = (): Promise<void> => this.stop()
    const lifecycle = createLifecycle({
      name: `known ids ${options.name}`,
      clock: parts.clock,
      stopLimitMs: 1000,
      start: async () => {
        parts.stopFirst.add(stop)
        if (this.#membership !== undefined) await this.#beat()
      },
      stop: async () => {
        parts.stopFirst.delete(stop)
        this.#timer?.cancel()
        this.#abort.abort(new Error('stopped'))
        await this.#building
        await this.#membership?.leave()
      },
    })
    this.start = lifecycle.start
    this.stop = lifecycle.stop
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  state(): 'open' | 'closed' {
    return this.#state
  }

  async mayExist(id: KnownId): Promise<boolean> {
    return (await this.whichMayExist([id])).size > 0
  }

  async whichMayExist(ids: readonly KnownId[]): Promise<Set<KnownId>> {
    const found = new Set<KnownId>()
    for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
      const some = ids.slice(at, at + IDS_AT_ONCE)
      const reply = (await this.#parts.redis?.run(CHECK, [this.#key], [TRUST_MS, ...hashIds(some)]).catch(() => undefined)) as number[] | undefined
      const isOpen = reply?.[0] !== 1
      const maybe = isOpen ? some : some.filter((_, i) => reply[i + 1] === 1)
      for (const id of maybe) found.add(id)
      this.#count(isOpen ? 'open' : 'maybe', maybe.length)
      this.#count('absent', some.length - maybe.length)
      this.#state = isOpen ? 'open' : 'closed'
    }
    return found
  }

  async add(...ids: KnownId[]): Promise<void> {
    for (let at = 0; at < ids.length; at += IDS_AT_ONCE) await this.#membership?.add(hashIds(ids.slice(at, at + IDS_AT_ONCE)))
  }

  /** Tells Redis that this process lives, and looks whether a build is due. */
  async #beat(): Promise<void> {
    const state = await this.#membership?.beat()
    if (this.#abort.signal.aborted) return
    this.#state = state?.isBuilt ? 'closed' : 'open'
    if (state !== undefined && this.#isDue(state)) {
      this.#building = this.#build(state).finally(() => {
        this.#building = undefined
      })
    }
    this.#timer = this.#parts.clock.after(BEAT_MS, () => void this.#beat())
  }

  #isDue({ isBuilt, ageMs, count, bits }: FilterState): boolean {
    if (this.#building !== undefined || this.#parts.clock.monotonicMs() < this.#retryAtMs) return false
    // Half as full again as it was made for: more false positives than promised.
    const isFull = filterSize(count, this.#options.falsePositives).bits > 1.5 * bits
    return !isBuilt || isFull || ageMs >= this.#options.rebuildMs
  }

  /** Builds a filter, when no other process does. Never rejects. */
  async #build(state: FilterState): Promise<void> {
    const { clock, logger } = this.#parts
    const { name } = this.#options
    const { signal } = this.#abort
    // Also when another process builds: it is asked again soon enough.
    this.#retryAtMs = clock.monotonicMs() + RETRY_MS
    try {
      const claimed = await claim(this.#parts, `~ids-${name}`, { kind: 'hand' }, 0, signal)
      if (claimed.kind !== 'mine') return
      const both = AbortSignal.any([signal, claimed.holding.signal])
      const isUsed = await this.#fill(state, both).finally(() => claimed.holding.end(true))
      if (isUsed) this.#retryAtMs = 0
      else logger.warn({ name }, 'cache: a filter of known ids was dropped while it was built, because a process was silent; it is built again')
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error, name }, 'cache: a filter of known ids could not be built; it is tried again')
    }
  }

  async #fill({ count }: FilterState, signal: AbortSignal): Promise<boolean> {
    const { expected, falsePositives, commitMs, ids } = this.#options
    const redis = this.#parts.redis!
    const generation = randomBytes(6).toString('hex')
    const { bits, hashes } = filterSize(Math.max(expected, Math.ceil(count * 1.2)), falsePositives)
    await redis.run(OPEN, [this.#key], [generation, bits, hashes])
    // What was added before this moment went to the old filter alone; by then it is committed, and read.
    await delay(this.#parts.clock, commitMs, signal)
    let batch: KnownId[] = []
    const send = async (): Promise<boolean> => {
      const some = hashIds(batch)
      batch = []
      return some.length === 0 || (await this.#send(redis, [generation, ...some], signal))
    }
    for await (const id of await ids({ signal })) {
      batch.push(id)
      if (batch.length === FILLED_AT_ONCE && !(await send())) return false
    }
    return (await send()) && (await redis.run(PROMOTE, [this.#key], [generation])) === 1
  }
  /** Once more after a fault: a build of millions of ids should outlast a moment of a slow Redis, and a bit set twice is set. */
  async #send(redis: RedisAccess, args: readonly RedisArg[], signal: AbortSignal): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      try {
        return (await redis.run(FILL_IDS, [this.#key], args)) === 1
      } catch (error) {
        if (attempt >= FILL_ATTEMPTS) throw error
      }
      await delay(this.#parts.clock, FILL_PAUSE_MS * attempt, signal)
    }
  }
}
