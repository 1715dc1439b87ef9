import type { Evidence, Verification } from 'holdfast/core'

/** One step of the demo, measured in the run that prints it. Figures are null when the step was invalid or where nothing was measured. */
export interface DemoStep {
  /** `plain`: Holdfast is not loaded. `observed`: Holdfast measures. `indexed`: and the advice is applied. `cached`: and the cache is on. */
  readonly name: 'plain' | 'observed' | 'indexed' | 'cached'
  /** Same for all steps of a run. */
  readonly arrivalPerSec: number
  readonly valid: boolean
  readonly invalidReasons: readonly string[]
  /** 1, or more when earlier attempts were invalid. */
  readonly attempt: number
  readonly requestCount: number
  readonly p50Ms: number | null
  readonly p95Ms: number | null
  readonly p99Ms: number | null
  readonly errors: number
  /** From pg_stat_statements, without transaction control and without Holdfast's own. */
  readonly statementsPerRequest: number | null
  /** Reads answered by a kept answer, L1 or L2 / all cache reads; null while the cache is off. */
  readonly hitRatio: number | null
}

/** Answered requests per second when offered more than the service can do. */
export interface Saturation {
  readonly plainPerSec: number | null
  readonly cachedPerSec: number | null
}

/** The one JSON document of `holdfast demo --json`. */
export interface DemoResult {
  readonly schema: 'holdfast.demo/1'
  readonly services: {
    readonly postgres: { readonly version: string; readonly origin: string }
    /** Null where none was to be had; the demo then runs with L1 alone. */
    readonly redis: { readonly version: string; readonly origin: string } | null
  }
  readonly data: { readonly rows: number; readonly tables: Readonly<Record<string, number>> }
  readonly steps: readonly DemoStep[]
  readonly saturation: Saturation
  readonly finding: {
    readonly id: string
    readonly rule: string
    readonly sql: string
    readonly evidence: Evidence
    readonly planted: boolean
  } | null
  readonly verified: Verification | null
  /** Things that happened in between: a process that died, Redis away. */
  readonly incidents: readonly string[]
  readonly durationMs: number
  /** Path of the report. */
  readonly report: string | null
}

/** True when every step was valid and the loop ended in `fixed`. */
export function demoSucceeded(result: DemoResult): boolean {
  return result.steps.length >= 3 && result.steps.every(step => step.valid) && result.verified?.verdict === 'fixed'
}
