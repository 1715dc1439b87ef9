import type { Clock, ClockTimer } from '../../core/index.ts'
import type { Member, SendPlain } from './member.ts'
import type { PoolLimits } from './pool-options.ts'

/** What upkeep may do with the connections of a pool. */
export interface UpkeepTarget {
  /** Longest idle first. */
  idle(): readonly Member[]
  totalCount(): number
  /** Takes an idle connection out of the pool for a moment. */
  borrow(member: Member): void
  giveBack(member: Member, isSound: boolean): void
  remove(member: Member): void
  /** Opens connections in the place of those that are gone, up to `min`. */
  refill(): void
  readonly send: SendPlain
}

/** Looks after idle connections. */
export interface Upkeep {
  /** Idempotent. */
  start(): void
  rest(): void
}

const LOOK_EVERY_LIMIT_MS = 5000
/** A connection that does not answer an empty statement within this is dead. */
const VALIDATION_LIMIT_MS = 5000

/** Closes connections that were idle too long or live too long, opens others in their place up to `min`, and asks
 *  the rest now and then whether they live. */
export function createUpkeep(clock: Clock, limits: PoolLimits, target: UpkeepTarget): Upkeep {
  const { idleMs, lifetimeMs, validateMs, min } = limits
  const pauseMs = Math.max(20, Math.min(LOOK_EVERY_LIMIT_MS, idleMs / 4, lifetimeMs / 10, validateMs / 4))
  let timer: ClockTimer | undefined
  const look = (): void => {
    timer = clock.after(pauseMs, look)
    const nowMs = clock.monotonicMs()
    for (const member of [...target.idle()]) {
      const isSurplus = target.totalCount() > min && nowMs - member.idleSinceMs >= idleMs
      if (isSurplus || member.expiresMs <= nowMs) {
        target.borrow(member)
        target.remove(member)
      } else if (nowMs - member.provenMs >= validateMs) validate(member)
    }
    target.refill()
  }
  const validate = (member: Member): void => {
    target.borrow(member)
    let isOver = false
    const finish = (isSound: boolean): void => {
      if (isOver) return
      isOver = true
      limit.cancel()
      const { idleSinceMs } = member
      target.giveBack(member, isSound)
      // Being asked is not being used.
      member.idleSinceMs = idleSinceMs
    }
    const limit = clock.after(VALIDATION_LIMIT_MS, () => finish(false))
    target.send(member.client, '', error => finish(!error))
  }
  return {
    start: () => {
      timer ??= clock.after(pauseMs, look)
    },
    rest: () => {
      timer?.cancel()
      timer = undefined
    },
  }
}
