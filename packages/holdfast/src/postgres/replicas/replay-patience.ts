/** Replays measured last. Enough for a share to mean something, few enough to be renewed within a second of traffic. */
const SAMPLES_LIMIT = 16
/** With fewer, nobody waits longer than a wait is worth. */
const SAMPLES_LEAST = 4
/** A wait is worth at least this share of the longest one: 5 ms of the default of 50, which nobody notices in an answer. */
const WORTH_SHARE = 0.1
/** Replay is a little quicker and slower from one time to the next: giving up just before the end would waste the wait. */
const ALLOWANCE = 1.5
/** Weight of the newest read of the primary in their mean. As of TCP's round trip time. @source RFC 6298, 2.3 */
const PRIMARY_WEIGHT = 1 / 8

/**
 * Decides how long a read waits for replay, from how long replay took lately: of all waits the one that would have been worth most, each read on a replica counted as worth
 * so much waiting, and all waiting as its cost, that in vain too. What a read on a replica is worth: as long as the primary takes for one now, for a primary that is slow is
 * one to be spared, and at least a tenth of the longest wait. Pure: knows no clock and no server.
 */
export class ReplayPatience {
  readonly #longestMs: number
  /** `Infinity`: not within the longest wait. */
  readonly #samples: number[] = []
  #primaryMs = 0
  #limitMs: number

  /** @param longestMs no wait is longer; 0: nobody waits. */
  constructor(longestMs: number) {
    this.#longestMs = longestMs
    this.#limitMs = this.worthMs
  }

  /** How much waiting one read more on a replica is worth; 0 to the longest wait. */
  get worthMs(): number {
    return Math.min(this.#longestMs, Math.max(this.#longestMs * WORTH_SHARE, this.#primaryMs))
  }

  /** How long the next read may wait; 0: waiting does not pay now. */
  get limitMs(): number {
    return this.#limitMs
  }

  /** Replay reached a position `tookMs` after a read needed it; longer than the longest wait counts as in vain. */
  noteReplay(tookMs: number): void {
    this.#samples.push(tookMs <= this.#longestMs ? tookMs : Number.POSITIVE_INFINITY)
    if (this.#samples.length > SAMPLES_LIMIT) this.#samples.shift()
    this.#limitMs = this.#samples.length < SAMPLES_LEAST ? this.worthMs : Math.min(this.#longestMs, this.#bestWaitMs() * ALLOWANCE)
  }

  /** The primary answered a read that was meant for a replica, its wait for a connection included. */
  notePrimaryRead(tookMs: number): void {
    this.#primaryMs += (tookMs - this.#primaryMs) * PRIMARY_WEIGHT
  }

  /** 0 when no wait would have gained more than it cost. */
  #bestWaitMs(): number {
    const { worthMs } = this
    const reached = this.#samples.filter(Number.isFinite).sort((a, b) => a - b)
    let best = { waitMs: 0, gainMs: 0 }
    let reachedMs = 0
    for (const [at, waitMs] of reached.entries()) {
      reachedMs += waitMs
      const count = at + 1
      const gainMs = count * worthMs - reachedMs - (this.#samples.length - count) * waitMs
      if (gainMs > best.gainMs) best = { waitMs, gainMs }
    }
    return best.waitMs
  }
}
