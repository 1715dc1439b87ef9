import { type Clock, type ClockTimer, currentRequestScope, type RequestScope } from '../../core/index.ts'
import type { UserPool } from '../user-pool.ts'
import { PrimaryWatch } from './primary-watch.ts'
import { ReadPositions } from './read-positions.ts'
import { ReplayWait } from './replay-wait.ts'
import { Replica } from './replica.ts'
import { replicaNames } from './replica-names.ts'
import type { ReplicaLimits } from './replica-options.ts'
import type { WalPosition } from './wal-position.ts'

/** What a set of replicas works with. */
export interface ReplicaSetDeps {
  readonly primary: UserPool
  readonly pools: readonly UserPool[]
  readonly limits: ReplicaLimits
  readonly clock: Clock
  readonly random: () => number
}

/** Why a read went where it did. `chosen`: any replica would have done, or the one it got was far enough. `waited`: the replica got there while it waited. The others
 *  are why the primary has to answer: `behind`, no replica was far enough, or within the limits; `late`, the same, and it did not wait, for replicas are late as a rule;
 *  `away`, no replica could be had. */
export type ReadReason = 'chosen' | 'waited' | 'behind' | 'late' | 'away'

/** Where a read goes. */
export interface Choice {
  /** `undefined`: the primary. */
  readonly replica: Replica | undefined
  readonly reason: ReadReason
  readonly waitedMs: number
}

/** The replicas of one primary: looks at all of them, and says which one a read may go to. */
export class ReplicaSet {
  readonly primary: PrimaryWatch
  readonly replicas: readonly Replica[]
  readonly positions: ReadPositions
  readonly #limits: ReplicaLimits
  readonly #clock: Clock
  readonly #random: () => number
  readonly #replay: ReplayWait
  /** Reads of one request go to one replica, so that the second sees at least what the first saw. */
  readonly #lastOf = new WeakMap<RequestScope, Replica>()
  #timer: ClockTimer | undefined
  #isStopped = false

  constructor({ primary, pools, limits, clock, random }: ReplicaSetDeps) {
    this.primary = new PrimaryWatch(primary, clock, limits.answerMs)
    this.positions = new ReadPositions(clock, this.primary)
    const names = replicaNames(pools)
    this.replicas = pools.map((pool, at) => new Replica(names[at]!, pool, { clock, limits, primary: this.primary }))
    this.#limits = limits
    this.#clock = clock
    this.#random = random
    this.#replay = new ReplayWait(clock, limits)
  }

  /** How long reads wait for replay now, at most. */
  get replayLimitMs(): number {
    return this.#replay.patience.limitMs
  }

  /** Begins to look; waits for nothing. */
  start(): void {
    const look = async (): Promise<void> => {
      await this.look()
      if (!this.#isStopped) this.#timer = this.#clock.after(this.#limits.lookEveryMs, () => void look())
    }
    void look()
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
    this.#replay.stop()
    this.primary.close()
    for (const replica of this.replicas) replica.close()
  }

  /** The primary first: a replica that has all of what it said is not behind. Never rejects. */
  async look(): Promise<void> {
    await this.primary.look().catch(() => undefined)
    await Promise.all(this.replicas.map(replica => replica.look()))
  }

  /** The primary answered a read that no replica could take. */
  notePrimaryRead(tookMs: number): void {
    this.#replay.patience.notePrimaryRead(tookMs)
  }

  /** Where a read goes that must see what `after` names, and what its request did. Waits at most `replayWait`; no promise when there is nothing to wait for. Never rejects. */
  choose(after: string | undefined, excluded: ReadonlySet<Replica>): Choice | Promise<Choice> {
    const open = this.#open(excluded)
    if (open.length === 0) return this.#primary(excluded)
    const needed = this.positions.needed(after)
    return needed instanceof Promise ? this.#chooseLater(needed, excluded) : this.#chooseOf(open, needed, excluded)
  }

  async #chooseLater(asked: Promise<WalPosition | undefined>, excluded: ReadonlySet<Replica>): Promise<Choice> {
    let needed: WalPosition | undefined
    try {
      needed = await asked
    } catch {
      // What must be seen is not known; the primary has it, if anybody has.
      return { replica: undefined, reason: 'behind', waitedMs: 0 }
    }
    return this.#chooseOf(this.#open(excluded), needed, excluded)
  }

  #chooseOf(open: readonly Replica[], needed: WalPosition | undefined, excluded: ReadonlySet<Replica>): Choice | Promise<Choice> {
    const found = this.#pick(open, needed)
    if (found !== undefined) return { replica: found, reason: 'chosen', waitedMs: 0 }
    return needed === undefined ? this.#primary(excluded) : this.#catchUp(needed, excluded)
  }

  #open(excluded: ReadonlySet<Replica>): Replica[] {
    return this.replicas.filter(replica => !excluded.has(replica) && replica.isOpen)
  }

  #primary(excluded: ReadonlySet<Replica>): Choice {
    const isBehind = this.replicas.some(replica => !excluded.has(replica) && replica.status === 'behind')
    return { replica: undefined, reason: isBehind ? 'behind' : 'away', waitedMs: 0 }
  }

  /** The less busy of two at random: as good as the least busy of all, and a fleet does not run to the same one. */
  #pick(open: readonly Replica[], needed: WalPosition | undefined): Replica | undefined {
    const fit = needed === undefined ? open : open.filter(replica => replica.has(needed))
    if (fit.length === 0) return undefined
    const scope = currentRequestScope()
    const last = scope === undefined ? undefined : this.#lastOf.get(scope)
    if (last !== undefined && fit.includes(last)) return last
    const first = Math.floor(this.#random() * fit.length)
    const second = (first + 1 + Math.floor(this.#random() * (fit.length - 1))) % fit.length
    const chosen = fit[second]!.outstanding < fit[first]!.outstanding ? fit[second]! : fit[first]!
    if (scope !== undefined) this.#lastOf.set(scope, chosen)
    return chosen
  }

  async #catchUp(needed: WalPosition, excluded: ReadonlySet<Replica>): Promise<Choice> {
    const startMs = this.#clock.monotonicMs()
    const outcome = await this.#replay.until(needed, () => this.#open(excluded))
    if (outcome === 'late') return { replica: undefined, reason: 'late', waitedMs: 0 }
    const waitedMs = this.#clock.monotonicMs() - startMs
    const replica = this.#pick(this.#open(excluded), needed)
    return { replica, reason: replica === undefined ? 'behind' : 'waited', waitedMs }
  }
}
