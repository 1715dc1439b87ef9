import type { ReactElement } from 'react'
import type { InstanceState } from '../../../src/api/contract.ts'
import { span, timeOfDay } from '../format.ts'
import { Mark } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'

interface InstancesProps {
  readonly instances: readonly InstanceState[]
  readonly atMs: number
}

/** The service's processes as the console sees them. */
export function Instances({ instances, atMs }: InstancesProps): ReactElement {
  return (
    <Panel title="Instances" className="instances">
      {instances.length === 0 ? (
        <p className="empty">No instance is known to this console.</p>
      ) : (
        <ul className="plain">
          {instances.map(instance => (
            <li key={instance.id}>
              <p>
                <Mark tone={instance.state === 'up' ? 'ok' : 'bad'}>{instance.state}</Mark> <span className="instance-id">{instance.id}</span>
              </p>
              <p className="count">
                since {timeOfDay(instance.sinceMs)} ({span((atMs - instance.sinceMs) / 1000)}){instance.note === '' ? '' : ` · ${instance.note}`}
              </p>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}
