import type { Clock, Health, Logger } from '../core/index.ts'
import {
  type Archive,
  type ArchivePolicy,
  connectionsOf,
  createArchive,
  createViews,
  type InvalidationTarget,
  type UserPool,
  type ViewDefinition,
  type Views,
} from '../postgres/index.ts'
import type { Registry } from '../telemetry/index.ts'

/** What is done to the database by the clock, in one process of the fleet. It runs over connections of its own beside the pool, so the pool's options must lead
 *  to PostgreSQL itself and not to a pooler in transaction mode. */
export interface UpkeepOptions {
  /** Materialized views that are kept fresh; after a refresh their tags are dropped from `hf.cache`. Default: none. */
  readonly views?: readonly ViewDefinition[]
  /** Policies by which old rows are moved, copied or deleted. Default: none. */
  readonly archive?: readonly ArchivePolicy[]
}

/** The upkeep of the service's database. */
export interface Upkeep {
  readonly views: Views
  readonly archive: Archive
}

/** The upkeep as part of a Holdfast. */
export interface ComposedUpkeep extends Upkeep {
  health(): Health
  start(): Promise<void>
  stop(): Promise<void>
}

/** Takes the driver's class from the pool, so call it before the pool is observed.
 *  @throws HF_CONFIG_INVALID naming every bad option of views, or of policies, at once */
export function composeUpkeep(
  pool: UserPool,
  { views = [], archive = [] }: UpkeepOptions,
  deps: { readonly clock: Clock; readonly logger: Logger; readonly registry: Registry; readonly target: InvalidationTarget },
): ComposedUpkeep {
  const connect = connectionsOf(pool)
  const { target, ...rest } = deps
  const kept = createViews({ ...rest, connect, views, target })
  const archived = createArchive({ ...rest, connect, policies: archive })
  return {
    views: kept,
    archive: archived,
    health: () => kept.health(),
    async start() {
      if (views.length > 0) await kept.start()
      if (archive.length > 0) await archived.start()
    },
    async stop() {
      await Promise.all([kept.stop(), archived.stop()])
    },
  }
}
