import type { ReactElement } from 'react'
import type { CacheInstanceRow } from '../../../src/api/cache-contract.ts'
import type { Overview } from '../../../src/api/contract.ts'
import { count, counted, timeOfDay } from '../format.ts'
import { Mark, type Tone } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { showBytes } from '../show-bytes.ts'

const REDIS: Readonly<Record<CacheInstanceRow['redis'], readonly [Tone, string]>> = {
  usable: ['ok', 'Redis answers'],
  away: ['bad', 'Redis is away: memory and loaders serve'],
  none: ['warn', 'no Redis: this process only'],
}

const COHERENCE: Readonly<Record<CacheInstanceRow['coherence'], string>> = {
  tracking: 'changes heard by tracking',
  pubsub: 'changes heard by messages',
  none: 'changes not heard',
}

/** Of which instance the cache is, how it stands to Redis, and why it is not well when it is not. */
export function CacheInstances({
  instances,
  overview,
}: {
  readonly instances: readonly CacheInstanceRow[]
  readonly overview: Overview | null
}): ReactElement {
  const reasons = overview?.health.reasons.filter(({ component }) => component === 'redis') ?? []
  return (
    <Panel title="State" aside={counted(instances.length, 'instance')}>
      {instances.length === 0 ? <p className="empty">No instance that is up shows a cache.</p> : null}
      {reasons.map(({ why, sinceMs }) => (
        <p key={why} className="cache-reason">
          <Mark tone="warn">{why}</Mark> <span className="count">since {timeOfDay(sinceMs)}</span>
        </p>
      ))}
      <ul className="plain cache-instances">
        {instances.map(({ id, redis, coherence, journaled, entries, bytes }) => (
          <li key={id}>
            <span className="instance-id">{id}</span>
            <Mark tone={REDIS[redis][0]}>{REDIS[redis][1]}</Mark>
            {redis === 'none' ? null : <span>{COHERENCE[coherence]}</span>}
            <span>
              {counted(entries, 'entry', 'entries')} in memory, {showBytes(bytes)}
            </span>
            {journaled === 0 ? null : <Mark tone="warn">{count(journaled)} drops wait for Redis</Mark>}
          </li>
        ))}
      </ul>
    </Panel>
  )
}
