import type { Clock } from '../core/index.ts'
import type { BullJobOptions } from './bull/port.ts'
import type { QueueHandles } from './bull/queue-handles.ts'
import { addToLines, type LineEntry } from './fair/tenant-lines.ts'
import type { ResolvedFairness } from './job-policy.ts'
import type { PreparedJob } from './prepare-job.ts'
import type { CallerConnection } from './redis/connections.ts'

/** Window of a queue whose definition this process does not have: a relay hands over for others too. */
const FOREIGN_FAIRNESS: ResolvedFairness = { concurrency: 0, rate: undefined, window: 0 }

/** Puts prepared jobs of one queue into Redis. */
export class QueueWriter {
  readonly #handles: QueueHandles
  readonly #connections: CallerConnection
  readonly #clock: Clock
  readonly #fairnessOf: (queue: string) => ResolvedFairness | undefined

  constructor(deps: {
    readonly handles: QueueHandles
    readonly connections: CallerConnection
    readonly clock: Clock
    readonly fairnessOf: (queue: string) => ResolvedFairness | undefined
  }) {
    this.#handles = deps.handles
    this.#connections = deps.connections
    this.#clock = deps.clock
    this.#fairnessOf = deps.fairnessOf
  }

  /** Returns the ids, in order. An id that is there is left as it is, and with `rememberMs` also one that was there. 1 round trip for those with a tenant, 1 for the others.
   *  Rejects when Redis does: then some may be in the queue. */
  async write(queue: string, entries: readonly LineEntry[], rememberMs = 0): Promise<string[]> {
    const inLine = entries.filter(({ job }) => job.tenant !== undefined && job.delayMs === 0)
    const direct = entries.filter(entry => !inLine.includes(entry))
    const ids = new Map<LineEntry, string>()
    if (inLine.length > 0) {
      const fairness = this.#fairnessOf(queue) ?? FOREIGN_FAIRNESS
      const prefix = `${this.#handles.prefix}:${queue}:`
      const added = await addToLines(this.#connections.caller, { prefix, fairness, nowMs: this.#clock.nowMs(), rememberMs }, inLine)
      for (const [at, entry] of inLine.entries()) ids.set(entry, added[at]!)
    }
    if (direct.length > 0) {
      const handle = await this.#handles.get(queue)
      const jobs = direct.map(({ job, timestampMs }) => ({ name: job.name, data: job.payload, opts: optionsOf(job, timestampMs, rememberMs) }))
      const added = jobs.length === 1 ? [await handle.add(jobs[0]!.name, jobs[0]!.data, jobs[0]!.opts)] : await handle.addBulk(jobs)
      for (const [at, entry] of direct.entries()) ids.set(entry, added[at]!.id!)
    }
    return entries.map(entry => ids.get(entry)!)
  }
}

function optionsOf({ id, delayMs, priority, attempts, tenant }: PreparedJob, timestamp: number, rememberMs: number): BullJobOptions {
  return {
    timestamp,
    ...(id === undefined ? {} : { jobId: id }),
    ...(id === undefined || rememberMs === 0 ? {} : { deduplication: { id, ttl: rememberMs } }),
    ...(delayMs === 0 ? {} : { delay: delayMs }),
    ...(priority === 0 ? {} : { priority }),
    ...(attempts === undefined ? {} : { attempts }),
    ...(tenant === undefined ? {} : { tenant }),
  }
}
