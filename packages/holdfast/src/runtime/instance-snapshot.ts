import type { CacheStats } from '../cache/index.ts'
import type { Health } from '../core/index.ts'
import type { JobsState } from '../jobs/index.ts'
import type { PoolAdvice, PoolHolder, ReadState, SlowStatement, StatementRepeat, StatementSnapshot } from '../postgres/index.ts'
import type { FamilySnapshot } from '../telemetry/index.ts'

/** Everything one process knows of itself, as plain data: what the console collects. Holds no literal of any statement and no value of the cache; the names of a few
 *  keys are in it (the largest of each prefix and those read most), so keep secrets out of keys. */
export interface InstanceSnapshot {
  readonly schema: 'holdfast.instance/1'
  readonly service: string
  /** Differs for each process and each start. */
  readonly instanceId: string
  readonly startedAtMs: number
  readonly atMs: number
  readonly health: Health
  readonly metrics: readonly FamilySnapshot[]
  readonly statements: readonly StatementSnapshot[]
  /** Whether the pool's size fits, with the numbers; absent without PostgreSQL. */
  readonly pool?: PoolAdvice
  /** Replicas and where reads went; absent without replicas. */
  readonly reads?: ReadState
  /** Statements that were slow, with their plans. Absent from instances older than this field. */
  readonly slow?: readonly SlowStatement[]
  /** Statements that requests send again and again. Absent from instances older than this field. */
  readonly repeats?: readonly StatementRepeat[]
  /** Who holds connections of the pool, longest first, at most 20. Absent without a pool, and from instances older than this field. */
  readonly holders?: readonly PoolHolder[]
  /** Queues, alerts and findings of the jobs. Absent without them, and from instances older than this field. */
  readonly jobs?: JobsState
  /** Absent from instances older than this field. */
  readonly cache?: CacheStats
}
