import type { Clock } from '../../core/index.ts'
import type { UserPool } from '../user-pool.ts'
import { PrimaryHistory } from './primary-history.ts'
import { ProbeLink } from './probe-link.ts'
import { CLUSTER_IDENTITY, type ClusterIdentityRow } from './sql/cluster-identity.sql.ts'
import { PRIMARY_POSITION, type PrimaryPositionRow } from './sql/primary-position.sql.ts'
import { parseWalPosition, type WalPosition } from './wal-position.ts'

/** Where the primary was. */
export interface PrimaryReading {
  readonly position: WalPosition
  /** When it was asked, monotonic: whatever was committed and answered before is included. */
  readonly askedMs: number
}

/** Knows the position of the primary, from regular looks and from questions that cannot wait for one. Those who ask at the same time share an answer. */
export class PrimaryWatch {
  readonly history: PrimaryHistory = new PrimaryHistory()
  readonly #clock: Clock
  readonly #link: ProbeLink
  /** Number of the cluster; `undefined` before it answered, and where the role may not know it. */
  identity: string | undefined
  /** Why its position is not known now. */
  problem: string | undefined
  #problemSinceMs: number | undefined
  #latest: PrimaryReading | undefined
  #asking: { readonly askedMs: number; readonly answer: Promise<PrimaryReading> } | undefined

  constructor(pool: UserPool, clock: Clock, limitMs: number) {
    this.#clock = clock
    this.#link = new ProbeLink(pool, clock, limitMs, async ask => {
      const row = await ask(CLUSTER_IDENTITY).catch(() => undefined)
      this.identity = (row as ClusterIdentityRow | undefined)?.identity
    })
  }

  get latest(): PrimaryReading | undefined {
    return this.#latest
  }

  /** Wall-clock time. */
  get problemSinceMs(): number | undefined {
    return this.#problemSinceMs
  }

  /** A position that includes everything that was answered before `ms`; at most 1 round trip, shared with others. Rejects when the primary does not say. */
  async positionAfter(ms: number): Promise<PrimaryReading> {
    for (;;) {
      if (this.#latest !== undefined && this.#latest.askedMs >= ms) return this.#latest
      const asking = this.#asking
      if (asking === undefined) return this.look()
      if (asking.askedMs >= ms) return asking.answer
      // Asked too early for this one. The first to wake asks again, and the others share that.
      await asking.answer.catch(() => undefined)
    }
  }

  /** A position that a COMMIT brought along. */
  note(reading: PrimaryReading): void {
    if (this.#latest === undefined || reading.askedMs >= this.#latest.askedMs) this.#latest = reading
    this.history.note(reading.position, reading.askedMs, this.#clock.monotonicMs())
  }

  /** Asks now, or shares the answer of a question under way: the driver is to get one at a time. 1 round trip. */
  look(): Promise<PrimaryReading> {
    if (this.#asking !== undefined) return this.#asking.answer
    const askedMs = this.#clock.monotonicMs()
    const answer = this.#ask(askedMs).finally(() => {
      if (this.#asking?.answer === answer) this.#asking = undefined
    })
    this.#asking = { askedMs, answer }
    return answer
  }

  close(): void {
    this.#link.close()
  }

  async #ask(askedMs: number): Promise<PrimaryReading> {
    try {
      const row = (await this.#link.ask(PRIMARY_POSITION)) as PrimaryPositionRow | undefined
      const position = row?.position == null ? undefined : parseWalPosition(row.position)
      if (position === undefined) throw new Error('the server of `pg` is a replica itself')
      const reading = { position, askedMs }
      this.note(reading)
      this.problem = undefined
      this.#problemSinceMs = undefined
      return reading
    } catch (error) {
      this.problem = error instanceof Error ? error.message || (error as { code?: string }).code || error.name : String(error)
      this.#problemSinceMs ??= this.#clock.nowMs()
      throw error
    }
  }
}
