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
    if (entries.length === 1) return [await this.writeOne(queue, entries[0]!, rememberMs)]
    const inLine = entries.filter(standsInLine)
    const direct = inLine.length === 0 ? entries : entries.filter(entry => !standsInLine(entry))
    const lineIds = inLine.length === 0 ? [] : await this.#addToLines(queue, inLine, rememberMs)
    const directIds = direct.length === 0 ? [] : await this.#addAll(queue, direct, rememberMs)
    let nextLine = 0
    let nextDirect = 0
    return entries.map(entry => (standsInLine(entry) ? lineIds[nextLine++]! : directIds[nextDirect++]!))
  }

  /** The same for one. 1 round trip. */
  async writeOne(queue: string, entry: LineEntry, rememberMs = 0): Promise<string> {
    if (standsInLine(entry)) return (await this.#addToLines(queue, [entry], rememberMs))[0]!
    const { job, timestampMs } = entry
    const handle = await this.#handles.get(queue)
    return (await handle.add(job.name, job.payload, optionsOf(job, timestampMs, rememberMs))).id!
  }

  #addToLines(queue: string, entries: readonly LineEntry[], rememberMs: number): Promise<string[]> {
    const fairness = this.#fairnessOf(queue) ?? FOREIGN_FAIRNESS
    const prefix = `${this.#handles.prefix}:${queue}:`
    return addToLines(this.#connections.caller, { prefix, fairness, nowMs: this.#clock.nowMs(), rememberMs }, entries)
  }

  async #addAll(queue: string, entries: readonly LineEntry[], rememberMs: number): Promise<string[]> {
    const handle = await this.#handles.get(queue)
    const jobs = entries.map(({ job, timestampMs }) => ({ name: job.name, data: job.payload, opts: optionsOf(job, timestampMs, rememberMs) }))
    return (await handle.addBulk(jobs)).map(({ id }) => id!)
  }
}

function standsInLine({ job }: LineEntry): boolean {
  return job.tenant !== undefined && job.delayMs === 0
}

function optionsOf({ id, delayMs, priority, attempts, tenant }: PreparedJob, timestamp: number, rememberMs: number): BullJobOptions {
  const options: { -readonly [Option in keyof BullJobOptions]: BullJobOptions[Option] } = { timestamp }
  if (id !== undefined) options.jobId = id
  if (id !== undefined && rememberMs > 0) options.deduplication = { id, ttl: rememberMs }
  if (delayMs > 0) options.delay = delayMs
  if (priority > 0) options.priority = priority
  if (attempts !== undefined) options.attempts = attempts
  if (tenant !== undefined) options.tenant = tenant
  return options
}
