import { POISON_STALLS, type PoisonJob } from './job-findings.ts'
import type { KindTally } from './queue-sample.ts'

/** Poison jobs remembered; the oldest makes room. */
const POISON_LIMIT = 100
/** How long one is spoken of. */
const POISON_MS = 3_600_000

/** What this process saw of the attempts of its queues. */
export class AttemptBook {
  readonly #queues = new Map<string, Map<string, { attempts: number; failed: number; retried: number }>>()
  readonly #poison = new Map<string, PoisonJob>()

  /** Kinds are those of the definitions, so there are few. */
  ended(queue: string, name: string, outcome: 'completed' | 'retried' | 'dead' | 'cancelled'): void {
    const kinds = this.#queues.get(queue) ?? new Map()
    this.#queues.set(queue, kinds)
    const tally = kinds.get(name) ?? { attempts: 0, failed: 0, retried: 0 }
    kinds.set(name, tally)
    tally.attempts++
    if (outcome === 'retried' || outcome === 'dead') tally.failed++
    if (outcome === 'retried') tally.retried++
  }

  stalled(job: PoisonJob): void {
    if (job.stalls < POISON_STALLS) return
    const key = `${job.queue} ${job.id}`
    this.#poison.delete(key)
    this.#poison.set(key, job)
    const oldest = this.#poison.keys().next().value
    if (this.#poison.size > POISON_LIMIT && oldest !== undefined) this.#poison.delete(oldest)
  }

  kinds(queue: string): readonly KindTally[] {
    return [...(this.#queues.get(queue) ?? [])].map(([name, tally]) => ({ name, ...tally }))
  }

  poison(nowMs: number): readonly PoisonJob[] {
    return [...this.#poison.values()].filter(({ atMs }) => nowMs - atMs < POISON_MS)
  }
}
