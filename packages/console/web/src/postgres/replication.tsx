import type { ReactElement } from 'react'
import type { DatabaseHealthAnswer } from '../../../src/api/database-contract.ts'
import { ms } from '../format.ts'
import { Mark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { showBytes } from '../show-bytes.ts'

/** Standbys and slots; nothing where there are none. */
export function Replication({ replication }: { readonly replication: DatabaseHealthAnswer['replication'] }): ReactElement | null {
  const { isStandby, behindMs, standbys, slots } = replication
  if (!isStandby && standbys.length === 0 && slots.length === 0) return null
  return (
    <Panel title="Replication" aside={isStandby ? 'this server is a standby' : undefined}>
      {isStandby ? <p>{behindMs === null ? 'It has replayed all that it received.' : `What it shows is ${ms(behindMs)} old.`}</p> : null}
      <ul className="plain event-list">
        {standbys.map(({ name, state, syncState, lagBytes, lagMs }) => (
          <li key={name}>
            <Mark tone={state === 'streaming' ? 'ok' : 'warn'}>{state === '' ? 'state not seen' : state}</Mark>
            <strong>{name}</strong>
            <span>
              {lagBytes === null ? 'lag not seen (GRANT pg_monitor)' : `${showBytes(lagBytes)} behind`}
              {lagMs === null ? '' : `, ${ms(lagMs)}`}
            </span>
            <span className="count">{syncState}</span>
          </li>
        ))}
        {slots.map(({ name, isActive, keptBytes }) => (
          <li key={`slot ${name}`}>
            <Mark tone={isActive ? 'ok' : 'warn'}>{isActive ? 'slot in use' : 'slot without a reader'}</Mark>
            <strong>{name}</strong>
            <span>{keptBytes === null ? '' : `keeps ${showBytes(keptBytes)} of log on disk`}</span>
          </li>
        ))}
      </ul>
    </Panel>
  )
}
