import type { InstanceSnapshot } from 'holdfast'
import type { CacheStats } from 'holdfast/cache'
import { type Clock, type Health, type HealthReason, type Lifecycle, type Logger, mergeHealth } from 'holdfast/core'
import type { PoolHolder, ReadState } from 'holdfast/postgres'
import type { ConsoleEvent, InstanceState } from '../api/contract.ts'
import type { TrafficStore } from '../store/traffic-store.ts'
import { type PoolConnections, poolConnections } from './instance-delta.ts'
import type { InstanceSource } from './instance-source.ts'
import { toPoint } from './point.ts'
import { createTicker } from './ticker.ts'
import { type TrackedInstance, trackInstance } from './tracked-instance.ts'
import { mergeTraffic, NO_TRAFFIC } from './traffic.ts'

/** Time between two readings. */
const READ_EVERY_MS = 1000

/** Reads all instances once a second into the store. */
export interface Collector extends Lifecycle {
  instances(): readonly InstanceState[]
  /** The instances' own word, plus who is away. */
  health(): Health
  /** Sum over the instances that are up; null where none has a pool. */
  pool(): PoolConnections | null
  /** The pools of the instances that are up, as last read. */
  pools(): readonly InstancePool[]
  /** The caches of the instances that are up, as last read. */
  caches(): readonly InstanceCache[]
  /** What requests of the instances that are up send again and again, counted since each one's start. */
  repeats(): readonly InstanceRepeats[]
  /** Queues, alerts and findings of the instances that are up and have jobs, as last read. */
  jobs(): readonly InstanceJobs[]
  /** Name of the service as the first instance that answers gives it. */
  service(): string | undefined
  /** True when the newest reading lacks an instance. */
  isPartial(): boolean
}

/** The pool of one instance. */
export interface InstancePool {
  readonly instanceId: string
  readonly connections: PoolConnections
  /** Longest first; empty from an instance that does not say. */
  readonly holders: readonly PoolHolder[]
  /** Absent from an instance without replicas. */
  readonly reads: ReadState | undefined
}

/** The cache of one instance. */
export interface InstanceCache {
  readonly instanceId: string
  readonly stats: CacheStats
}

/** Repeated statements of one instance. */
export interface InstanceRepeats {
  readonly instanceId: string
  readonly repeats: NonNullable<InstanceSnapshot['repeats']>
}

/** The jobs of one instance. */
export interface InstanceJobs {
  readonly instanceId: string
  readonly state: NonNullable<InstanceSnapshot['jobs']>
}

/** What the collector works with. */
export interface CollectorDeps {
  readonly sources: readonly InstanceSource[]
  readonly store: TrafficStore
  readonly clock: Clock
  readonly publishEvent: (event: ConsoleEvent) => void
  /** Called after each reading. */
  readonly onReading: () => void
  readonly logger: Logger
}

/** A collector that has not read yet. */
export function createCollector({ sources, store, clock, publishEvent, onReading, logger }: CollectorDeps): Collector {
  const instances = sources.map(source => trackInstance(source, clock))
  let partial = false

  const read = async (stop: AbortSignal): Promise<void> => {
    const reads = await Promise.all(instances.map(instance => instance.read(stop)))
    if (stop.aborted) return
    const atMs = clock.nowMs()
    for (const { change } of reads) if (change !== undefined) publishEvent({ atMs, kind: 'service', text: change })
    const counted = reads.flatMap(({ traffic, durationMs }) => (traffic === null ? [] : [{ traffic, durationMs }]))
    partial = counted.length < reads.length
    const traffic = counted.length === 0 ? NO_TRAFFIC : mergeTraffic(counted.map(part => part.traffic))
    // Instances are read side by side: the stretch they cover together is the longest, not the sum.
    const durationMs = Math.max(0, ...counted.map(part => part.durationMs))
    store.push({ traffic, durationMs, point: toPoint(atMs, traffic, durationMs, pool(), cacheBytes()) })
    onReading()
  }

  const snapshots = () => instances.flatMap(instance => instance.snapshot() ?? [])

  const caches = (): readonly InstanceCache[] =>
    snapshots().flatMap(({ instanceId, cache }) => (cache === undefined ? [] : [{ instanceId, stats: cache }]))

  const cacheBytes = (): number => caches().reduce((total, { stats }) => total + stats.bytes, 0)

  const pools = (): readonly InstancePool[] =>
    snapshots().flatMap(snapshot => {
      const connections = poolConnections(snapshot)
      return connections === null ? [] : [{ instanceId: snapshot.instanceId, connections, holders: snapshot.holders ?? [], reads: snapshot.reads }]
    })

  const pool = (): PoolConnections | null => {
    const open = pools()
    if (open.length === 0) return null
    const sum = (part: keyof PoolConnections): number => open.reduce((total, { connections }) => total + connections[part], 0)
    return { used: sum('used'), idle: sum('idle'), waiting: sum('waiting'), max: sum('max') }
  }

  const onProblem = (problem: unknown): void => logger.error({ err: problem }, 'a reading of the instances failed')
  const ticker = createTicker({ name: 'console collector', clock, everyMs: READ_EVERY_MS, work: read, onProblem })
  return {
    ...ticker,
    instances: () => instances.map(instance => instance.state()),
    health: () => mergeHealth([awayHealth(instances), ...snapshots().map(snapshot => snapshot.health)]),
    pool,
    pools,
    caches,
    repeats: () => snapshots().map(({ instanceId, repeats = [] }) => ({ instanceId, repeats })),
    jobs: () => snapshots().flatMap(({ instanceId, jobs }) => (jobs === undefined ? [] : [{ instanceId, state: jobs }])),
    service: () => snapshots()[0]?.service,
    isPartial: () => partial,
  }
}

/** Some away: degraded. All away and none of them even answering: down, as far as can be seen from here. */
function awayHealth(instances: readonly TrackedInstance[]): Health {
  const away = instances.filter(instance => instance.state().state === 'away')
  if (away.length === 0) return { status: 'ok', reasons: [] }
  const reasons: HealthReason[] = away.map(instance => {
    const { id, note, sinceMs } = instance.state()
    return { component: `instance ${id}`, why: `${note}; its requests are missing here`, sinceMs }
  })
  const isDown = away.length === instances.length && !instances.some(instance => instance.isAnswering())
  return { status: isDown ? 'down' : 'degraded', reasons }
}
