import { POISON_STALLS, type PoisonJob } from './job-findings.ts'
import type { KindTally } from './queue-sample.ts'

/** Poison jobs remembered; the oldest makes room. */
const POISON_LIMIT = 100
/** How long one is spoken of. */
const POISON_MS = 3_600_000

/** Ends of attempts of one kind of job. */
export class KindBook {
  attempts = 0
  failed = 0
  retried = 0

  ended(outcome: 'completed' | 'retried' | 'dead' | 'cancelled'): void {
    this.attempts++
    if (outcome === 'retried' || outcome === 'dead') this.failed++
    if (outcome === 'retried') this.retried++
  }
}

/** What this process saw of the attempts of its queues. */
export class AttemptBook {
  readonly #queues = new Map<string, Map<string, KindBook>>()
  readonly #poison = new Map<string, PoisonJob>()

  /** Where the ends of attempts of one kind are counted. Kinds are those of the definitions, so there are few. */
  kind(queue: string, name: string): KindBook {
    const kinds = this.#queues.get(queue) ?? new Map<string, KindBook>()
    this.#queues.set(queue, kinds)
    const known = kinds.get(name) ?? new KindBook()
    kinds.set(name, known)
    return known
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
    return [...(this.#queues.get(queue) ?? [])].map(([name, { attempts, failed, retried }]) => ({ name, attempts, failed, retried }))
  }

  poison(nowMs: number): readonly PoisonJob[] {
    return [...this.#poison.values()].filter(({ atMs }) => nowMs - atMs < POISON_MS)
  }
}
