import type { Clock, ClockTimer, HealthReason, Logger } from '../../core/index.ts'
import { addressText, type ClusterView, parseClusterView, parseRedirection, type ServerAddress } from './cluster-view.ts'
import { toFault } from './fault.ts'
import { type IoRedisLike, limitHandshake } from './port.ts'
import type { Primaries, Primary, Redirection } from './primary.ts'
import { SLOT_COUNT, slotOf } from './slots.ts'

/** What the members of a cluster need. */
export interface ClusterDeps {
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly seeds: readonly ServerAddress[]
  /** A member in use from now on; not yet connected. */
  create(address: ServerAddress): Primary
  /** A connection that only asks for the map. */
  openScout(address: ServerAddress): IoRedisLike
  /** A member came, or went. */
  onMemberAdded(): void
  onMemberDropped(): void
}

interface Member {
  readonly primary: Primary
  readonly sinceMs: number
  /** When it is usable, or has failed for the first time. */
  readonly started: Promise<void>
  hasOwned: boolean
}

/** Pause between looks at the map: while all is well, and while a member is away or a slot has none. A failover is seen after the shorter one; a new
 *  member that took slots over is met at the first key that moved there. */
const LOOK_MS = 1000
const LOOK_AGAIN_MS = 200
/** Members asked at a look; the newest answer counts. */
const ASKED = 3
/** A scout that has not answered by then is given up. */
const SCOUT_LIMIT_MS = 1000
/** A member without slots that a redirection named is kept so long, because slots are on their way to it. */
const NEWCOMER_MS = 60_000
/** A new member counts as started after this, usable or not. */
const START_LIMIT_MS = 1000
/** Looks in a row that show an older map than ours, after which it is believed: the cluster was made anew. */
const OLDER_LIMIT = 20

/** The primaries of a Redis Cluster and who of them holds which slot. */
export class ClusterPrimaries implements Primaries {
  readonly isCluster = true
  readonly #deps: ClusterDeps
  readonly #members = new Map<string, Member>()
  /** Their primaries; kept, because every read looks at them. */
  #all: readonly Primary[] = []
  readonly #owners: (Primary | undefined)[] = new Array<Primary | undefined>(SLOT_COUNT).fill(undefined)
  /** Every address heard of, for the day when no member in use answers. */
  readonly #known = new Map<string, ServerAddress>()
  #epoch = -1
  #olderInRow = 0
  #looking: Promise<void> | undefined
  #timer: ClockTimer | undefined
  #isStopped = false
  #problem: HealthReason | undefined

  constructor(deps: ClusterDeps) {
    this.#deps = deps
    for (const seed of deps.seeds) this.#known.set(addressText(seed), seed)
    this.#problem = { component: 'redis', why: 'no member of the Redis Cluster has answered yet', sinceMs: deps.clock.nowMs() }
  }

  get problem(): HealthReason | undefined {
    return this.#problem
  }

  all(): readonly Primary[] {
    return this.#all
  }

  ownerOf(redisKey: string): Primary | undefined {
    return this.#owners[slotOf(redisKey)]
  }

  redirect(error: unknown, from: Primary): Redirection | undefined {
    const fault = toFault(error)
    if (fault.kind !== 'moved' || this.#isStopped) return undefined
    const found = parseRedirection(fault.message, from.address!)
    if (found === undefined) return undefined
    const primary = this.#member(found.address)
    const isOnce = fault.message.startsWith('ASK')
    if (!isOnce) {
      this.#owners[found.slot] = primary
      this.lookSoon()
    }
    return { primary, isOnce }
  }

  async start(limitMs: number): Promise<void> {
    const limit = new Promise<void>(resolve => this.#deps.clock.after(limitMs, resolve, true))
    await Promise.race([this.#look(), limit])
    await Promise.race([Promise.all([...this.#members.values()].map(({ started }) => started)), limit])
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    for (const primary of this.#all) stopPrimary(primary)
  }

  /** A member failed or named another: the map may have changed. */
  lookSoon(): void {
    if (!this.#isStopped && this.#looking === undefined) this.#schedule(LOOK_AGAIN_MS / 4)
  }

  #look(): Promise<void> {
    this.#looking ??= this.#lookOnce()
      .catch(() => undefined)
      .then(() => {
        this.#looking = undefined
        if (this.#isStopped) return
        const isWhole = this.#problem === undefined && this.#all.every(({ link }) => link.isUsable)
        this.#schedule(isWhole ? LOOK_MS : LOOK_AGAIN_MS)
      })
    return this.#looking
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel()
    this.#timer = this.#deps.clock.after(delayMs * (0.75 + this.#deps.random() / 2), () => void this.#look())
  }

  async #lookOnce(): Promise<void> {
    const usable = shuffled(
      this.#all.filter(({ link }) => link.isUsable),
      this.#deps.random,
    ).slice(0, ASKED)
    let views = await settled(usable.map(primary => this.#ask(primary)))
    if (!views.some(view => view.isOk)) {
      const addresses = shuffled([...this.#known.values()], this.#deps.random).slice(0, 2 * ASKED)
      views = [...views, ...(await settled(addresses.map(address => this.#scout(address))))]
    }
    if (this.#isStopped) return
    // Only one that is whole: a member that was cut off from the others still believes in itself.
    const newest = views.filter(({ isOk, ranges }) => isOk && ranges.length > 0).sort((a, b) => b.epoch - a.epoch)[0]
    if (newest === undefined) {
      this.#setProblem('no member of the Redis Cluster says that the cluster is whole')
    } else if (newest.epoch < this.#epoch && ++this.#olderInRow < OLDER_LIMIT) {
      return
    } else this.#adopt(newest)
  }

  async #ask({ link, address }: Primary): Promise<ClusterView> {
    const [info, slots] = await Promise.all([link.sendUngated('control', 'cluster', ['info']), link.sendUngated('control', 'cluster', ['slots'])])
    return parseClusterView(info as Buffer, slots, address!)
  }

  async #scout(address: ServerAddress): Promise<ClusterView> {
    const { clock, openScout } = this.#deps
    const client = openScout(address)
    client.on('error', () => undefined)
    limitHandshake(client, clock)
    let limit: ClockTimer | undefined
    const late = new Promise<never>((_, reject) => {
      limit = clock.after(SCOUT_LIMIT_MS, () => reject(new Error('no answer')), true)
    })
    try {
      await Promise.race([client.connect(), late])
      const answers = Promise.all([client.callBuffer('cluster', ['info']), client.callBuffer('cluster', ['slots'])])
      const [info, slots] = await Promise.race([answers, late])
      return parseClusterView(info as Buffer, slots, address)
    } finally {
      limit?.cancel()
      client.disconnect()
    }
  }

  #adopt(view: ClusterView): void {
    this.#epoch = view.epoch
    this.#olderInRow = 0
    const owning = new Set<Primary>()
    const owners = new Array<Primary | undefined>(SLOT_COUNT).fill(undefined)
    this.#known.clear()
    for (const seed of this.#deps.seeds) this.#known.set(addressText(seed), seed)
    for (const { from, to, primary, replicas } of view.ranges) {
      const member = this.#member(primary)
      owning.add(member)
      owners.fill(member, from, to + 1)
      for (const address of [primary, ...replicas]) this.#known.set(addressText(address), address)
    }
    for (let slot = 0; slot < SLOT_COUNT; slot++) this.#owners[slot] = owners[slot]
    this.#dropOthers(owning)
    const withoutOwner = owners.filter(owner => owner === undefined).length
    if (withoutOwner === 0) this.#problem = undefined
    else this.#setProblem(`${withoutOwner} of ${SLOT_COUNT} slots of the Redis Cluster have no primary`)
  }

  #dropOthers(owning: ReadonlySet<Primary>): void {
    const nowMs = this.#deps.clock.monotonicMs()
    for (const [text, member] of this.#members) {
      if (owning.has(member.primary)) member.hasOwned = true
      else if (member.hasOwned || nowMs - member.sinceMs > NEWCOMER_MS) {
        this.#members.delete(text)
        this.#all = this.#all.filter(primary => primary !== member.primary)
        stopPrimary(member.primary)
        this.#deps.onMemberDropped()
      }
    }
  }

  #member(address: ServerAddress): Primary {
    const text = addressText(address)
    const known = this.#members.get(text)
    if (known !== undefined) return known.primary
    const primary = this.#deps.create(address)
    this.#deps.logger.info({ member: text }, 'cache: a primary of the Redis Cluster is used from now on')
    primary.coherence.start()
    const started = primary.link.start(START_LIMIT_MS)
    this.#members.set(text, { primary, sinceMs: this.#deps.clock.monotonicMs(), started, hasOwned: false })
    this.#all = [...this.#all, primary]
    this.#deps.onMemberAdded()
    return primary
  }

  #setProblem(why: string): void {
    if (this.#problem?.why !== why) this.#problem = { component: 'redis', why, sinceMs: this.#deps.clock.nowMs() }
  }
}

function stopPrimary({ coherence, link }: Primary): void {
  coherence.stop()
  link.stop()
}

async function settled<T>(work: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(work)
  return results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
}

function shuffled<T>(items: T[], random: () => number): T[] {
  return items
    .map(item => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
