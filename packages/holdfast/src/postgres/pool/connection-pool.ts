import type { Clock, ClockTimer, Logger } from '../../core/index.ts'
import { pgErrors } from '../errors.ts'
import { isInTransaction, keepTransactionStatus } from '../transaction-status.ts'
import { CallSiteSampler } from './call-site.ts'
import type { ConnectionBudget } from './connection-budget.ts'
import { Connector } from './connector.ts'
import type { MeasuredSize } from './measured-size.ts'
import { closeClient, Member, type PoolMemberClient, type SendPlain } from './member.ts'
import { connectFailed, heldLongest, isRefusedForGood, waitedInVain } from './pool-faults.ts'
import type { PoolLimits } from './pool-options.ts'
import { createUpkeep, type Upkeep } from './pool-upkeep.ts'
import { returnClean } from './return-clean.ts'
import { type Waiter, type WaiterDone, WaiterQueue } from './waiter-queue.ts'

/** What a pool of connections works with. */
export interface ConnectionPoolDeps {
  readonly limits: PoolLimits
  readonly budget: ConnectionBudget
  /** Absent: the size is a matter of the budget alone. */
  readonly size: MeasuredSize | undefined
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  createClient(): PoolMemberClient
  /** `isExtra`: beyond what the pool keeps open anyway. */
  prepare(client: PoolMemberClient, isExtra: boolean): Promise<void>
  /** True when another attempt to connect may succeed at once. */
  isMended(error: unknown, client: PoolMemberClient): boolean
  /** `client.query` of the driver itself, which no observer sees. */
  readonly send: SendPlain
  emit(event: 'connect' | 'acquire' | 'remove', client: PoolMemberClient): void
  emitRelease(error: unknown, client: PoolMemberClient): void
  emitError(error: Error, client: PoolMemberClient): void
}

/** Waiters served within one call of `release`. */
const HAND_DEPTH_LIMIT = 50

/** Connections, who has them and who waits. A waiter is served by the first connection that becomes free, whether given back or newly opened. */
export class ConnectionPool {
  readonly limits: PoolLimits
  readonly connector: Connector
  readonly #deps: ConnectionPoolDeps
  readonly #members = new Set<Member>()
  /** Last in, first out: what is not needed stays idle long enough to be closed. */
  readonly #idle: Member[] = []
  readonly #waiters = new WaiterQueue<PoolMemberClient>()
  readonly #sampler = new CallSiteSampler()
  readonly #upkeep: Upkeep
  #deadline: ClockTimer | undefined
  #growTimer: ClockTimer | undefined
  #onEnded: (() => void) | undefined
  #handDepth = 0
  /** Most members that there ever were. */
  #neededCount = 0
  /** Members that are gone, whose connections are not closed yet. */
  #closingCount = 0
  isEnding = false
  isEnded = false

  constructor(deps: ConnectionPoolDeps) {
    this.#deps = deps
    this.limits = deps.limits
    this.connector = new Connector({
      clock: deps.clock,
      limitMs: deps.limits.connectMs,
      random: deps.random,
      createClient: () => deps.createClient(),
      prepare: client => deps.prepare(client, this.#members.size >= Math.max(1, deps.limits.min, deps.limits.reserved)),
      isMended: (error, client) => deps.isMended(error, client),
      onOpened: client => this.#admit(client),
      onFailed: error => this.#onConnectFailed(error),
    })
    this.#upkeep = createUpkeep(deps.clock, deps.limits, {
      idle: () => this.#idle,
      totalCount: () => this.totalCount,
      remove: member => this.#remove(member),
      refill: () => this.#refill(),
      borrow: member => this.#borrow(member),
      send: deps.send,
      giveBack: (member, isSound) => (isSound ? this.#free(member) : this.#remove(member)),
    })
    deps.budget.join(this)
  }

  /** Open or being opened. */
  get totalCount(): number {
    return this.#members.size + this.connector.openingCount
  }
  get idleCount(): number {
    return this.#idle.length
  }
  get waitingCount(): number {
    return this.#waiters.length
  }
  get reserved(): number {
    return this.limits.reserved
  }
  get max(): number {
    return this.limits.max
  }
  /** Idle or not, past their life. */
  get expiredCount(): number {
    const nowMs = this.#deps.clock.monotonicMs()
    return [...this.#members].filter(member => member.expiresMs <= nowMs).length
  }

  /** Calls back with a connection, never before it returns. `from` is where the stack of the caller begins. */
  acquire(done: WaiterDone<PoolMemberClient>, from: (...args: never[]) => unknown): void {
    const askedMs = this.#deps.clock.monotonicMs()
    const refusal = this.#refusal(askedMs)
    if (refusal !== undefined) {
      process.nextTick(done, refusal, undefined, () => undefined)
      return
    }
    const site = this.#sampler.capture(this.#deps.clock, from)
    const waiter = { done, askedMs, site }
    const member = this.#waiters.length === 0 ? this.#idle.pop() : undefined
    if (member !== undefined) {
      process.nextTick(() => this.#hand(member, waiter))
      return
    }
    this.#waiters.push(waiter)
    this.#watchDeadline()
    this.grow()
  }

  /** Opens connections ahead, up to `count`, all at once. Rejects as `acquire` does. */
  async warm(count: number): Promise<void> {
    const wanted = Math.min(count, this.max, this.#deps.budget.limit) - this.totalCount
    if (wanted <= 0) return
    const ask = (): Promise<() => void> =>
      new Promise((resolve, reject) => this.acquire((error, _, release) => (error ? reject(error) : resolve(release)), this.warm))
    // Held together with the idle ones, so that each asks for one of its own.
    const asked = Array.from({ length: wanted + this.#idle.length }, ask)
    this.grow(wanted)
    const answers = await Promise.allSettled(asked)
    for (const answer of answers) if (answer.status === 'fulfilled') answer.value()
    const failure = answers.find(answer => answer.status === 'rejected')
    if (failure !== undefined) throw failure.reason
  }

  /** Opens what the waiters need, as far as the limits, the budget and the pause after a failure allow. */
  grow(atOnce = 0): void {
    const { limits, clock, budget } = this.#deps
    const { connector } = this
    for (;;) {
      const head = this.#waiters.head
      if (head === undefined || this.#waiters.length <= connector.openingCount) return
      if (connector.openingCount >= Math.max(limits.connectsAtOnce, atOnce)) return
      if (connector.isPausing) {
        connector.afterPause(() => this.grow())
        return
      }
      // The first connections are wanted at once; a further one only when those that there are do not get the queue done.
      const waitedMs = clock.monotonicMs() - head.askedMs
      if (this.#members.size >= Math.max(1, limits.min) && waitedMs < limits.growAfterMs && atOnce === 0) {
        this.#growTimer ??= clock.after(limits.growAfterMs - waitedMs, () => {
          this.#growTimer = undefined
          this.grow()
        })
        return
      }
      if (!budget.admit(this)) return
      connector.open()
    }
  }

  closeIdle(): boolean {
    const member = this.#idle.shift()
    if (member !== undefined) this.#remove(member)
    return member !== undefined
  }

  /** Serves who waits already, takes nobody new, and calls back when the last connection is closed. */
  end(done: () => void): void {
    this.isEnding = true
    this.#onEnded = done
    for (const member of this.#idle.splice(0)) this.#remove(member)
    this.#endIfOver()
  }

  #refusal(nowMs: number): unknown {
    if (this.isEnding) return pgErrors.create('HF_PG_POOL_ENDED', 'Cannot use a pool after calling end on the pool')
    const { connector, limits } = this
    // Whom a connection can be opened for is not in the way of others.
    const openableCount = Math.max(0, Math.min(limits.max, this.#deps.budget.limit) - this.#members.size)
    if (this.#waiters.length >= limits.queueLimit + openableCount && this.#idle.length === 0) {
      const longest = this.#heldLongest(nowMs)
      const holder = longest ? `; the longest is ${longest}` : ''
      return pgErrors.create('HF_PG_QUEUE_FULL', `${this.#waiters.length} callers wait already (limit ${limits.queueLimit})${holder}`)
    }
    // After an outage as long as a caller would wait, callers fail at once, except the one whose turn it is to try.
    const isDown = this.#members.size === 0 && connector.failingSinceMs !== undefined && nowMs - connector.failingSinceMs >= limits.acquireMs
    if (!isDown || !connector.isPausing) return undefined
    return connectFailed(connector.lastError, `for ${Math.round((nowMs - connector.failingSinceMs!) / 1000)} s now`)
  }

  /** Somebody waited in vain: if this one's place is not known, the next one's shall be. */
  #heldLongest(nowMs: number): string | undefined {
    this.#sampler.lookCloser(nowMs)
    return heldLongest(this.#members, nowMs)
  }

  /** As `#hand`; a long row of waiters that all give back at once must not become a deep stack. */
  #handOn(member: Member, waiter: Waiter<PoolMemberClient>): void {
    if (this.#handDepth >= HAND_DEPTH_LIMIT) {
      process.nextTick(() => this.#hand(member, waiter))
      return
    }
    this.#handDepth++
    try {
      this.#hand(member, waiter)
    } finally {
      this.#handDepth--
    }
  }

  #hand(member: Member, waiter: Waiter<PoolMemberClient>): void {
    if (!member.isUsable) {
      // Lost between the promise and the delivery.
      this.#waiters.unshift(waiter)
      this.#watchDeadline()
      this.#remove(member)
      return
    }
    const { client } = member
    if (this.limits.exitsOnIdle) client.ref?.()
    member.heldSinceMs = this.#deps.clock.monotonicMs()
    member.site = waiter.site
    this.#deps.size?.noteAcquired(member.heldSinceMs - waiter.askedMs, member.heldSinceMs)
    let isReleased = false
    const release = (error?: unknown): void => {
      if (isReleased) throw new Error('Release called on client which has already been released to the pool.')
      isReleased = true
      this.#takeBack(member, error)
    }
    client.release = release
    this.#deps.emit('acquire', client)
    waiter.done(undefined, client, release)
  }

  #takeBack(member: Member, error: unknown): void {
    const { client } = member
    member.useCount++
    this.#deps.size?.meter.noteReturned(0, this.#deps.clock.monotonicMs())
    this.#deps.emitRelease(error, client)
    if (error || !member.isUsable || member.useCount >= this.limits.maxUses) this.#remove(member)
    else if (client.readyForQuery !== false && !isInTransaction(client)) this.#free(member)
    else {
      const holder = (): string => heldLongest([member], this.#deps.clock.monotonicMs()) ?? ''
      returnClean(client, this.#deps, this.limits.acquireMs, holder, isSound => (isSound ? this.#free(member) : this.#remove(member)))
    }
  }

  /** To the one who waits longest, else to the idle ones. */
  #free(member: Member): void {
    const nowMs = this.#deps.clock.monotonicMs()
    member.heldSinceMs = undefined
    member.site = undefined
    member.provenMs = nowMs
    const isDone = !member.isUsable || member.expiresMs <= nowMs || this.#isTooMany()
    const waiter = isDone ? undefined : this.#waiters.shift()
    if (waiter !== undefined) {
      this.#handOn(member, waiter)
      return
    }
    if (isDone || this.isEnding) {
      this.#remove(member)
      return
    }
    member.idleSinceMs = nowMs
    if (this.limits.exitsOnIdle) member.client.unref?.()
    this.#idle.push(member)
    this.#upkeep.start()
    this.#deps.budget.release(this)
  }

  #isTooMany(): boolean {
    return this.#deps.size !== undefined && this.#members.size > 1 && this.#deps.budget.isExceeded
  }

  #admit(client: PoolMemberClient): void {
    const { clock, random } = this.#deps
    const { lifetimeMs } = this.limits
    // Give or take a tenth, so that connections opened together are not replaced together.
    const member = new Member(client, clock.monotonicMs(), lifetimeMs * (0.9 + random() * 0.2))
    this.#members.add(member)
    this.#neededCount = Math.max(this.#neededCount, this.#members.size)
    keepTransactionStatus(client)
    client.on('error', (error: Error) => this.#onLost(member, error))
    client.on('end', () => this.#onLost(member, undefined))
    this.#deps.emit('connect', client)
    this.#free(member)
    this.grow()
  }

  #onLost(member: Member, error: Error | undefined): void {
    if (member.isBroken) return
    const at = this.#idle.indexOf(member)
    if (at < 0) {
      // Whoever holds it hears of it by their statement; it is removed when it comes back.
      member.isBroken = true
      return
    }
    this.#idle.splice(at, 1)
    this.#remove(member)
    if (error !== undefined) this.#deps.emitError(error, member.client)
  }

  #remove(member: Member): void {
    if (!this.#members.delete(member)) return
    member.isBroken = true
    this.#closingCount++
    closeClient(member.client, this.#deps.clock, () => {
      this.#closingCount--
      this.#deps.emit('remove', member.client)
      this.#endIfOver()
    })
    if (this.#members.size === 0) this.#upkeep.rest()
    this.grow()
    this.#deps.budget.release(this)
  }

  /** Opens again what of `min` was needed once. */
  #refill(): void {
    const { limits, budget } = this.#deps
    const { connector } = this
    const kept = this.isEnding ? 0 : Math.min(limits.min, this.#neededCount)
    while (this.totalCount < kept && connector.openingCount < limits.connectsAtOnce && !connector.isPausing && budget.admit(this)) connector.open()
  }

  #borrow(member: Member): void {
    const at = this.#idle.indexOf(member)
    if (at >= 0) this.#idle.splice(at, 1)
  }

  #onConnectFailed(error: unknown): void {
    const { logger, clock } = this.#deps
    const { failingSinceMs } = this.connector
    // Absent when the cause of the failure is mended already.
    if (failingSinceMs !== undefined) logger.warn({ err: error }, 'a connection to PostgreSQL could not be opened')
    const isDown = failingSinceMs !== undefined && clock.monotonicMs() - failingSinceMs >= this.limits.acquireMs
    if (this.#members.size === 0 && (isRefusedForGood(error) || isDown)) {
      const failure = connectFailed(error, isDown ? 'as for a while now' : 'nobody can log in so')
      for (let waiter = this.#waiters.shift(); waiter !== undefined; waiter = this.#waiters.shift()) waiter.done(failure, undefined, () => undefined)
    }
    this.#settleTimers()
    this.grow()
    this.#deps.budget.release(this)
    this.#endIfOver()
  }

  #watchDeadline(): void {
    const head = this.#waiters.head
    if (head === undefined || this.#deadline !== undefined) return
    const { clock } = this.#deps
    this.#deadline = clock.after(Math.max(0, head.askedMs + this.limits.acquireMs - clock.monotonicMs()), () => {
      this.#deadline = undefined
      this.#expire()
      this.#watchDeadline()
      this.#settleTimers()
      this.#endIfOver()
    })
  }

  #expire(): void {
    const nowMs = this.#deps.clock.monotonicMs()
    const { acquireMs, name, max } = this.limits
    const late: Waiter<PoolMemberClient>[] = []
    // Timers may fire a little early; one that is due within a millisecond is due.
    while ((this.#waiters.head?.askedMs ?? Number.POSITIVE_INFINITY) <= nowMs - acquireMs + 1) late.push(this.#waiters.shift()!)
    const connectError = this.#members.size === 0 ? this.connector.trouble : undefined
    const counts = { name, used: this.#members.size - this.#idle.length, max, waiting: this.#waiters.length }
    const longest = this.#heldLongest(nowMs)
    for (const { askedMs } of late) this.#deps.size?.meter.noteFailed(nowMs - askedMs)
    for (const { done, askedMs } of late) done(waitedInVain(counts, nowMs - askedMs, acquireMs, longest, connectError), undefined, () => undefined)
  }

  /** Nothing is left running for waiters that are gone. */
  #settleTimers(): void {
    if (this.#waiters.length > 0) return
    this.#deadline?.cancel()
    this.#deadline = undefined
    this.#growTimer?.cancel()
    this.#growTimer = undefined
    this.connector.rest()
  }

  #endIfOver(): void {
    if (!this.isEnding || this.isEnded || this.#waiters.length > 0) return
    if (this.connector.openingCount > 0) this.connector.abort()
    if (this.totalCount + this.#closingCount > 0) return
    this.isEnded = true
    this.#settleTimers()
    this.#upkeep.rest()
    this.#onEnded?.()
  }
}
