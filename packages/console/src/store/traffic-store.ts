import type { PoolConnections } from '../collect/instance-delta.ts'
import { mergeTraffic, type Traffic } from '../collect/traffic.ts'

/** How far back the console sees. */
export const RETENTION_SEC = 900
/** Seconds kept one by one; older ones are merged, for a quarter of an hour of busy seconds would take 200 MB. */
export const FINE_SLOTS = 60
/** Seconds merged into one slot when they are older than the fine ones. */
export const COARSE_SLOT_SIZE = 15

/** One point of the charts. Null: not measured. */
export interface Point {
  readonly atMs: number
  readonly requestsPerSec: number | null
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly errorRatio: number | null
  readonly hitRatio: number | null
  /** Null where no instance has a pool. */
  readonly pool: PoolConnections | null
  readonly poolWaitP95Ms: number | null
  /** Null where no cache is measured. */
  readonly cache: CachePoint | null
  /** By queue; under null all of them together. Null where no job started or ended. */
  readonly jobs: ReadonlyMap<string | null, JobPoint> | null
}

/** What jobs did in one second. */
export interface JobPoint {
  readonly endedPerSec: number | null
  /** Attempts that did not complete. */
  readonly failedPerSec: number | null
  readonly waitP50Ms: number | null
  readonly waitP95Ms: number | null
  readonly runP50Ms: number | null
  readonly runP95Ms: number | null
  readonly ageP50Ms: number | null
  readonly ageP95Ms: number | null
}

/** What the cache did in one second. */
export interface CachePoint {
  readonly l1PerSec: number | null
  readonly l2PerSec: number | null
  readonly missPerSec: number | null
  readonly stalePerSec: number | null
  readonly coalescedPerSec: number | null
  readonly evictionPerSec: number | null
  /** Estimated size of the memory tier of all instances. */
  readonly bytes: number
}

/** One reading of all instances. */
export interface Reading {
  readonly traffic: Traffic
  /** Stretch of time that `traffic` covers. */
  readonly durationMs: number
  readonly point: Point
}

/** What is known of the last so many seconds. */
export interface TrafficWindow {
  readonly traffic: Traffic
  /** Stretch of time that `traffic` covers: shorter than asked for while the console is young, up to 15 s longer beyond the first minute. */
  readonly coveredMs: number
  readonly points: readonly Point[]
}

/** Fifteen minutes of readings in bounded memory: 60 fine slots, 56 coarse ones, 900 points. */
export interface TrafficStore {
  push(reading: Reading): void
  window(windowSec: number): TrafficWindow
  /** Slots and points held. */
  size(): { readonly slotCount: number; readonly pointCount: number }
}

interface Slot {
  readonly traffic: Traffic
  readonly durationMs: number
}

/** An empty store. */
export function createTrafficStore(): TrafficStore {
  const coarse: Slot[] = []
  const fine: Slot[] = []
  const points: Point[] = []

  const push = ({ traffic, durationMs, point }: Reading): void => {
    points.push(point)
    if (points.length > RETENTION_SEC) points.shift()
    fine.push({ traffic, durationMs })
    if (fine.length < FINE_SLOTS + COARSE_SLOT_SIZE) return
    coarse.push(mergeSlots(fine.splice(0, COARSE_SLOT_SIZE)))
    if (coarse.length > (RETENTION_SEC - FINE_SLOTS) / COARSE_SLOT_SIZE) coarse.shift()
  }

  return {
    push,
    window(windowSec) {
      const fineSlots = fine.slice(-windowSec)
      const missing = Math.max(0, Math.ceil((windowSec - fine.length) / COARSE_SLOT_SIZE))
      const slots = missing === 0 ? fineSlots : [...coarse.slice(-missing), ...fineSlots]
      const { traffic, durationMs } = mergeSlots(slots)
      return { traffic, coveredMs: durationMs, points: points.slice(-windowSec) }
    },
    size: () => ({ slotCount: coarse.length + fine.length, pointCount: points.length }),
  }
}

function mergeSlots(slots: readonly Slot[]): Slot {
  return {
    traffic: mergeTraffic(slots.map(slot => slot.traffic)),
    durationMs: slots.reduce((total, slot) => total + slot.durationMs, 0),
  }
}
