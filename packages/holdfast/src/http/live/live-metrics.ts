import type { Counter, Registry } from '../../telemetry/index.ts'

/** Why a client is no longer there. `slow`: it did not read. `expired`: it was there for as long as it may. */
export type LeaveReason = 'closed' | 'slow' | 'expired' | 'stopped'

/** What live updates count. */
export interface LiveMetrics {
  readonly published: Counter
  /** Redis was away: told in this process alone. */
  readonly local: Counter
  /** Events may have been lost between processes. */
  readonly gaps: Counter
  left(reason: LeaveReason): void
  refused(reason: 'forbidden' | 'full'): void
  /** Nobody is there any more. */
  stop(): void
}

/** Counters of `registry` under `name`. */
export function createLiveMetrics(registry: Registry, name: string, clientCount: () => number): LiveMetrics {
  const clients = registry.gauge({ name: 'holdfast_live_clients', help: 'Clients that receive live updates now.', labels: ['name'] }).bind(name)
  const stop = registry.onSnapshot(() => clients.set(clientCount()))
  const events = registry.counter({
    name: 'holdfast_live_events',
    help: 'Events of live updates, by what became of them.',
    labels: ['name', 'outcome'],
  })
  const leaving = registry.counter({
    name: 'holdfast_live_leaves',
    help: 'Clients that stopped receiving live updates, by reason.',
    labels: ['name', 'reason'],
  })
  const refusing = registry.counter({ name: 'holdfast_live_refusals', help: 'Clients that were not let in, by reason.', labels: ['name', 'reason'] })
  return {
    stop: () => {
      stop()
      clients.set(0)
    },
    published: events.bind(name, 'published'),
    local: events.bind(name, 'local'),
    gaps: events.bind(name, 'gap'),
    left: reason => leaving.bind(name, reason).add(),
    refused: reason => refusing.bind(name, reason).add(),
  }
}
