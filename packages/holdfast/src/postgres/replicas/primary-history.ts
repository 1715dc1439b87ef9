import type { WalPosition } from './wal-position.ts'

/** How far a replica is behind. */
export interface ReplicaLag {
  readonly bytes: number
  /** At most so much, exact to one pause between two looks; of a replica that is further behind than is remembered, at least so much. */
  readonly ms: number
}

interface Sample {
  readonly position: WalPosition
  /** When the primary was last asked and was at this position; monotonic. */
  untilMs: number
  /** When it had said so first. */
  readonly heardMs: number
}

/** At two looks a second, ten minutes of a primary that writes all the time. */
const SAMPLES_LIMIT = 1200

/** Remembers when the primary was where. So lag in time needs neither equal clocks, nor rights on pg_stat_replication, nor a primary that writes all the time, as
 *  `now() - pg_last_xact_replay_timestamp()` does. */
export class PrimaryHistory {
  readonly #samples: Sample[] = []

  /** Positions of one primary only grow. A smaller one is an answer that was overtaken, or, when it was asked for after a larger one was heard, another primary, and
   *  nothing of the old one is remembered. */
  note(position: WalPosition, askedMs: number, heardMs: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && position < last.position) {
      if (askedMs < last.heardMs) return
      this.#samples.length = 0
    } else if (last?.position === position) {
      last.untilMs = Math.max(last.untilMs, askedMs)
      return
    }
    this.#samples.push({ position, untilMs: askedMs, heardMs })
    if (this.#samples.length > SAMPLES_LIMIT) this.#samples.shift()
  }

  /** As of the last look at the primary, so that a primary that is away makes no replica older. `undefined` while nothing is known of the primary. */
  lagOf(replayed: WalPosition): ReplicaLag | undefined {
    const last = this.#samples.at(-1)
    if (last === undefined) return undefined
    if (replayed >= last.position) return { bytes: 0, ms: 0 }
    let at = this.#samples.length - 2
    while (at > 0 && this.#samples[at]!.position > replayed) at--
    return { bytes: Number(last.position - replayed), ms: last.untilMs - this.#samples[Math.max(at, 0)]!.untilMs }
  }
}
