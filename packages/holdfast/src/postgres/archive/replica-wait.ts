import { type Clock, delay } from '../../core/index.ts'
import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { archiveErrors } from './errors.ts'
import { REPLICA_LAG, type ReplicaLagRow } from './sql/replica-lag.sql.ts'

/** How far replicas may be behind. */
export interface LagLimits {
  readonly lagMs: number
  readonly lagBytes: number
  /** Longest wait for one that is further behind. */
  readonly patienceMs: number
}

/** Pause between two looks at a replica that is behind, and at those that are not. */
const LOOK_EVERY_MS = 500

/** Follows the lag of the replicas while an archive runs. */
export class ReplicaWait {
  readonly #client: AdvisorClient
  readonly #clock: Clock
  readonly #limits: LagLimits
  #lookedAtMs = Number.NEGATIVE_INFINITY
  #waitedMs = 0
  #isHidden = false

  constructor(client: AdvisorClient, clock: Clock, limits: LagLimits) {
    this.#client = client
    this.#clock = clock
    this.#limits = limits
  }

  /** Time spent waiting. */
  get waitedMs(): number {
    return this.#waitedMs
  }

  /** There is a replica whose position this role may not see. */
  get isHidden(): boolean {
    return this.#isHidden
  }

  /** Returns at once while all replicas follow; else waits for them. Looks twice a second at most.
   *  @throws HF_PG_ARCHIVE_LAGGING, the signal's reason */
  async whenFollowed(signal: AbortSignal | undefined, onWait: (replica: string) => void): Promise<void> {
    const sinceMs = this.#clock.monotonicMs()
    if (sinceMs - this.#lookedAtMs < LOOK_EVERY_MS) return
    for (;;) {
      const behind = this.#furthest(await readRows<ReplicaLagRow>(this.#client, REPLICA_LAG))
      this.#lookedAtMs = this.#clock.monotonicMs()
      if (behind === undefined) return
      const text = `replica ${behind.name} is ${describeLag(behind)} behind`
      if (this.#lookedAtMs - sinceMs >= this.#limits.patienceMs) {
        throw archiveErrors.create('HF_PG_ARCHIVE_LAGGING', `${text} after ${Math.round((this.#lookedAtMs - sinceMs) / 1000)} s`, {
          context: { ...behind },
        })
      }
      onWait(text)
      await delay(this.#clock, LOOK_EVERY_MS, signal)
      this.#waitedMs += LOOK_EVERY_MS
    }
  }

  #furthest(rows: readonly ReplicaLagRow[]): ReplicaLagRow | undefined {
    this.#isHidden ||= rows.some(({ isHidden }) => isHidden)
    // By bytes too: the time is that of the last answer, and one whose replay stands still gives none.
    return rows.find(({ lagBytes, lagMs }) => (lagBytes ?? 0) > this.#limits.lagBytes || (lagMs ?? 0) > this.#limits.lagMs)
  }
}

function describeLag({ lagBytes, lagMs }: ReplicaLagRow): string {
  const size = `${Math.round((lagBytes ?? 0) / 1024)} kB`
  return lagMs === null ? size : `${(lagMs / 1000).toFixed(1)} s and ${size}`
}
