import type { Dated, Evidence, FaultWindow, Happening, ProcessLog, Stall } from './events.ts'

/** How long after an acknowledged change another process may still see what was before: one delivery, with room for a busy machine. */
const DELIVERY_MS = 100
/** The documented bound in a fault. */
export const FAULT_BOUND_MS = 1500
/** How late an entry may go after its end: what two processes may differ in their idea of the server's clock, and the way to Redis. */
const EXPIRY_ROOM_MS = 60

/** What was seen that must not be. */
export interface Violation {
  readonly history: string
  readonly what: string
}

type Read = Extract<Happening, { what: 'read' }>
/** A change: from its acknowledgement on, nothing from before it is to be seen. */
interface Floor extends Extract<Happening, { what: 'forgotten' }> {
  readonly by: ProcessLog
}

/** The whole model: a read that begins after a change was acknowledged gives nothing from before the change. In the process of the change at once,
 *  whatever the fault; in the others after the bound. */
export function checkEvidence(evidence: Evidence): { violations: Violation[]; reads: number } {
  const judge = new Judge(evidence)
  const violations = [...judge.failures(), ...judge.doubleCounts()]
  let reads = 0
  for (const log of evidence.logs) {
    const stalls = [...evidence.stalls, ...log.happenings.filter(one => one.what === 'stalled')]
    for (const one of log.happenings) {
      if (one.what !== 'read') continue
      reads++
      const problem = judge.problemOf(one, log, stalls)
      if (problem !== undefined) violations.push({ history: one.key.split('.')[0]!, what: `${log.name} read ${one.key}: ${problem}` })
    }
  }
  return { violations, reads }
}

class Judge {
  readonly #evidence: Evidence
  readonly #floors = new Map<string, Floor[]>()
  readonly #windows: readonly FaultWindow[]
  /** Of loads and writes, by the value's id. */
  readonly #made = new Map<string, { endMs: number; lifeMs: number }>()

  constructor(evidence: Evidence) {
    this.#evidence = evidence
    const spells = evidence.logs.flatMap(({ name, happenings }) =>
      happenings.flatMap(one => (one.what === 'away' ? [{ kind: 'away' as const, fault: name, fromMs: one.fromMs, toMs: one.toMs }] : [])),
    )
    // In order, because one may move the moment that another is compared with.
    this.#windows = [...evidence.windows, ...spells].sort((a, b) => a.fromMs - b.fromMs)
    for (const by of evidence.logs) {
      for (const one of by.happenings) {
        if (one.what === 'forgotten') push(this.#floors, `${one.scope} ${one.name}`, { ...one, by })
        else if (one.what === 'made') this.#made.set(one.id, one)
      }
    }
  }

  failures(): Violation[] {
    return this.#evidence.logs.flatMap(({ name, happenings }) =>
      happenings.flatMap(one => (one.what === 'failed' ? [{ history: one.why.split('.')[0]!, what: `${name}: ${one.why}` }] : [])),
    )
  }

  /** No number is given twice, unless Redis lost the counter. */
  doubleCounts(): Violation[] {
    if (this.#evidence.wasFlushed) return []
    const counts = new Map<string, number[]>()
    for (const { happenings } of this.#evidence.logs) {
      for (const one of happenings) if (one.what === 'counted') push(counts, one.key, one.count)
    }
    const doubled = [...counts].filter(([, seen]) => new Set(seen).size < seen.length)
    return doubled.map(([key, seen]) => ({ history: key.split('.')[0]!, what: `${key} counted ${seen.sort((a, b) => a - b)}` }))
  }

  problemOf(read: Read, by: ProcessLog, stalls: readonly Stall[]): string | undefined {
    const { key, value, mustExist } = read
    if (value === null || (value === undefined && mustExist)) return `got ${value}`
    if (value === undefined) return undefined
    if (value.key !== key) return `got the value of ${value.key}`
    return this.#overdue(read, value, stalls) ?? this.#outlived(read, value, by, stalls)
  }

  #overdue({ startMs }: Read, value: Dated, stalls: readonly Stall[]): string | undefined {
    const made = this.#made.get(value.id)
    // Redis may be frozen at the very moment of a deletion, and so may our idea of its clock.
    if (made === undefined || this.#windows.some(window => window.fromMs < startMs)) return undefined
    const overdueMs = startMs - made.endMs - made.lifeMs - stalledMs(stalls, made.endMs, startMs)
    return overdueMs > EXPIRY_ROOM_MS ? `${value.id} had ended ${overdueMs.toFixed()} ms before` : undefined
  }

  #outlived({ key, startMs }: Read, value: Dated, by: ProcessLog, stalls: readonly Stall[]): string | undefined {
    for (const name of [`key ${key}`, 'all ', ...value.tags.map(tag => `tag ${tag}`)]) {
      for (const floor of this.#floors.get(name) ?? []) {
        if (!this.#isFromBefore(value, floor)) continue
        const standsFromMs = floor.by === by ? floor.endMs : this.#knownElsewhereMs(floor, stalls, startMs)
        if (standsFromMs > startMs) continue
        const [fromAge, toAge] = [floor.startMs, floor.endMs].map(atMs => (startMs - atMs).toFixed(1))
        return `${value.isWrite ? 'written' : 'loaded'} ${(startMs - value.atMs).toFixed(1)} ms ago (${value.id}), forgotten by ${floor.by.name} (${name}) ${fromAge} to ${toAge} ms ago`
      }
    }
    return undefined
  }

  /** A load is as old as its look into the database. A write that overlaps the change may come after it. */
  #isFromBefore(value: Dated, floor: Floor): boolean {
    if (!value.isWrite) return value.atMs < floor.startMs
    const made = this.#made.get(value.id)
    return made !== undefined && made.endMs < floor.startMs
  }

  /** From when on the processes that did not make the change must know. Windows that begin before that moment move it, one after the other. */
  #knownElsewhereMs(floor: Floor, stalls: readonly Stall[], readMs: number): number {
    const lateMs = stalledMs(stalls, floor.startMs, readMs)
    let knownMs = floor.endMs + DELIVERY_MS + lateMs
    for (const { kind, fromMs, toMs } of this.#windows) {
      if (fromMs > knownMs || toMs + FAULT_BOUND_MS < floor.startMs) continue
      // What a process noted while Redis was away died with it.
      if (kind === 'away' && floor.by.wasKilled) return Number.POSITIVE_INFINITY
      const beginsMs = kind === 'away' ? Math.max(toMs, floor.endMs) : floor.endMs
      knownMs = Math.max(knownMs, beginsMs + FAULT_BOUND_MS + lateMs)
    }
    return knownMs
  }
}

function stalledMs(stalls: readonly Stall[], fromMs: number, toMs: number): number {
  let sum = 0
  for (const stall of stalls) sum += Math.max(0, Math.min(stall.toMs, toMs) - Math.max(stall.fromMs, fromMs))
  return sum
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [value])
  else list.push(value)
}
