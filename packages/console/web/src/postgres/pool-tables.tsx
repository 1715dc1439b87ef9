import type { ReactElement } from 'react'
import type { DatabasePoolAnswer, PoolInstanceRow } from '../../../src/api/database-contract.ts'
import { count } from '../format.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'

type Server = NonNullable<DatabasePoolAnswer['server']>
type Group = Server['groups'][number]

function number<Row>(id: string, title: string, value: (row: Row) => number): Column<Row> {
  return { id, title, value, cell: row => count(value(row)) }
}

const INSTANCES: readonly Column<PoolInstanceRow>[] = [
  { id: 'instance', title: 'Instance', isText: true, value: row => row.id, cell: row => row.id },
  number('used', 'In use', row => row.used),
  number('idle', 'Idle', row => row.idle),
  number('waiting', 'Waiting', row => row.waiting),
  number('max', 'Most', row => row.max),
]

/** The pool of each instance, now. */
export function PoolInstances({ instances }: { readonly instances: readonly PoolInstanceRow[] }): ReactElement {
  return <DataTable label="Pools by instance" rows={instances} columns={INSTANCES} keyOf={row => row.id} order="-used" param="pools" />
}

const GROUPS: readonly Column<Group>[] = [
  { id: 'application', title: 'Application', isText: true, value: row => row.application, cell: row => <GroupName group={row} /> },
  number('total', 'Connections', row => row.total),
  number('active', 'Active', row => row.active),
  number('idle', 'Idle', row => row.idle),
  number('idleInTransaction', 'In transaction', row => row.idleInTransaction),
]

/** Whose the server's connections are. */
export function ConnectionGroups({ server }: { readonly server: Server }): ReactElement {
  return (
    <>
      <DataTable
        label="Connections on the server"
        rows={server.groups}
        columns={server.maySeeAll ? GROUPS : [...GROUPS, number<Group>('unknown', 'Unknown', row => row.unknown)]}
        keyOf={({ application, role, database }) => `${application} ${role} ${database}`}
        order="-total"
        param="connections"
        className="connections"
      />
      {server.maySeeAll ? null : (
        <p className="count">
          States of other roles are not seen: <code>GRANT pg_monitor</code> to the console's role.
        </p>
      )}
    </>
  )
}

function GroupName({ group: { application, role, database } }: { readonly group: Group }): ReactElement {
  return (
    <>
      {application}
      <div className="count">
        {role} on {database === '' ? 'no database' : database}
      </div>
    </>
  )
}
