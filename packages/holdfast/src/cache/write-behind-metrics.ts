import type { Registry } from '../telemetry/index.ts'

/** What becomes of a write. */
export type WriteFate = 'accepted' | 'coalesced' | 'refused' | 'flushed' | 'dropped' | 'lost'

/** What a write-behind counts. */
export interface WriteBehindMetrics {
  count(fate: WriteFate, amount?: number): void
  flushed(outcome: 'ok' | 'error'): void
  dispose(): void
}

/** Registers the metrics. `read` is asked at each snapshot. */
export function createWriteBehindMetrics(registry: Registry, name: string, read: () => { pending: number; oldestMs: number }): WriteBehindMetrics {
  const labels = ['name']
  const pending = registry.gauge({ name: 'holdfast_cache_write_behind_pending', help: 'Keys that wait to be flushed.', labels }).bind(name)
  const age = registry
    .gauge({ name: 'holdfast_cache_write_behind_age_seconds', help: 'How long the oldest of them waits.', unit: 'seconds', labels })
    .bind(name)
  const flushes = registry.counter({ name: 'holdfast_cache_write_behind_flushes', help: 'Flushes of a write-behind.', labels: ['name', 'outcome'] })
  const writes = registry.counter({ name: 'holdfast_cache_write_behind_writes', help: 'Writes, by what became of them.', labels: ['name', 'fate'] })
  const dispose = registry.onSnapshot(() => {
    const { pending: count, oldestMs } = read()
    pending.set(count)
    age.set(oldestMs / 1000)
  })
  return {
    count: (fate, amount = 1) => amount > 0 && writes.bind(name, fate).add(amount),
    flushed: outcome => flushes.bind(name, outcome).add(),
    dispose,
  }
}
