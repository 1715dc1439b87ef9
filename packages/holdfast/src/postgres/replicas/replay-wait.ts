import { type Clock, delay } from '../../core/index.ts'
import { ReplayPatience } from './replay-patience.ts'
import type { Replica } from './replica.ts'
import type { ReplicaLimits } from './replica-options.ts'
import type { WalPosition } from './wal-position.ts'

/** How a wait ended. `behind`: no replica got there, or none can. `late`: nobody waited, for it has not paid lately. */
export type ReplayOutcome = 'reached' | 'behind' | 'late'

/** Between two looks that somebody waits for, all who wait at once sharing them: half of it is waited for nothing on average. */
const WAIT_PAUSE_MS = 2
/** Between two looks that nobody waits for: doubles up to the limit, so that a replica late by a second is asked some thirty times in it. */
const WATCH_PAUSE_MS = 1
const WATCH_PAUSE_LIMIT_MS = 32
/** Reads that may wait at one time; further ones go to the primary. */
const WAITING_LIMIT = 1000

/** Waits for replay while that pays. Whether it does is measured beside the reads, so that none has to wait in vain to find out: while a position is needed that no replica
 *  is known to have, one watch at a time looks when the first has it. */
export class ReplayWait {
  readonly patience: ReplayPatience
  readonly #clock: Clock
  readonly #limits: ReplicaLimits
  #isWatching = false
  #nextLook: Promise<void> | undefined
  #waitingCount = 0
  #isStopped = false

  constructor(clock: Clock, limits: ReplicaLimits) {
    this.#clock = clock
    this.#limits = limits
    this.patience = new ReplayPatience(limits.replayWaitMs)
  }

  /** Who waits is sent on. */
  stop(): void {
    this.#isStopped = true
  }

  /** Until one of those that `open` names has replayed `needed`, as long as that pays: at most `replayWait`. Never rejects. */
  async until(needed: WalPosition, open: () => readonly Replica[]): Promise<ReplayOutcome> {
    if (this.#limits.replayWaitMs === 0 || this.#hopeful(open).length === 0) return 'behind'
    void this.#watch(needed, open)
    const { limitMs } = this.patience
    if (limitMs === 0) return 'late'
    if (this.#waitingCount >= WAITING_LIMIT) return 'behind'
    const startMs = this.#clock.monotonicMs()
    this.#waitingCount++
    try {
      for (let isFirst = true; ; isFirst = false) {
        const leftMs = limitMs - (this.#clock.monotonicMs() - startMs)
        const hopeful = this.#hopeful(open)
        if (leftMs <= 0 || hopeful.length === 0 || this.#isStopped) return 'behind'
        await this.#within(leftMs, isFirst ? anyLook(hopeful) : this.#lookSoon(hopeful))
        if (open().some(replica => replica.has(needed))) return 'reached'
      }
    } finally {
      this.#waitingCount--
    }
  }

  /** Measures how long replay takes to get to `needed`. Ends after one pause between regular looks at the latest. */
  async #watch(needed: WalPosition, open: () => readonly Replica[]): Promise<void> {
    if (this.#isWatching) return
    this.#isWatching = true
    const { replayWaitMs, lookEveryMs } = this.#limits
    const startMs = this.#clock.monotonicMs()
    try {
      for (let pauseMs = WATCH_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, WATCH_PAUSE_LIMIT_MS)) {
        const hopeful = this.#hopeful(open)
        await anyLook(hopeful)
        if (this.#isStopped) return
        const tookMs = this.#clock.monotonicMs() - startMs
        if (hopeful.some(replica => replica.has(needed))) return this.patience.noteReplay(tookMs)
        if (hopeful.length === 0 || tookMs > Math.max(replayWaitMs, lookEveryMs)) return this.patience.noteReplay(Number.POSITIVE_INFINITY)
        await delay(this.#clock, pauseMs)
      }
    } finally {
      this.#isWatching = false
    }
  }

  /** One that is much further behind than the wait is long will not get there. */
  #hopeful(open: () => readonly Replica[]): readonly Replica[] {
    const { replayWaitMs, lookEveryMs } = this.#limits
    return open().filter(({ lag }) => (lag?.ms ?? 0) <= replayWaitMs + 2 * lookEveryMs)
  }

  #lookSoon(replicas: readonly Replica[]): Promise<void> {
    this.#nextLook ??= delay(this.#clock, WAIT_PAUSE_MS)
      .then(() => anyLook(replicas))
      .finally(() => {
        this.#nextLook = undefined
      })
    return this.#nextLook
  }

  async #within(limitMs: number, work: Promise<void>): Promise<void> {
    await new Promise<void>(resolve => {
      const timer = this.#clock.after(limitMs, resolve, true)
      void work.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

/** Until the first of them has been looked at. Never rejects. */
async function anyLook(replicas: readonly Replica[]): Promise<void> {
  if (replicas.length > 0) await Promise.race(replicas.map(replica => replica.look()))
}
