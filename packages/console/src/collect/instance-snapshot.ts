import type { Health } from 'holdfast/core'
import type { FamilySnapshot, HistogramSnapshot } from 'holdfast/telemetry'

/** Totals of one normalised statement since its process started. */
export interface StatementSnapshot {
  readonly fingerprint: string
  readonly text: string
  readonly callCount: number
  readonly totalMs: number
  /** In seconds. */
  readonly histogram: HistogramSnapshot
}

/** Everything one process knows of itself, as `hf.snapshot()` gives it; the part read here. */
export interface InstanceSnapshot {
  readonly schema: 'holdfast.instance/1'
  readonly service: string
  readonly instanceId: string
  readonly startedAtMs: number
  readonly atMs: number
  readonly health: Health
  readonly metrics: readonly FamilySnapshot[]
  readonly statements: readonly StatementSnapshot[]
}
