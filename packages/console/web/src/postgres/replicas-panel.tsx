import type { ReactElement } from 'react'
import type { DatabasePoolAnswer } from '../../../src/api/database-contract.ts'
import { count, ms, percent, showRatio, span } from '../format.ts'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Figure } from '../parts/figure.tsx'
import { Mark, type Tone } from '../parts/mark.tsx'
import { Panel } from '../parts/panel.tsx'
import { showBytes } from '../show-bytes.ts'

type Replicas = NonNullable<DatabasePoolAnswer['replicas']>
type Server = Replicas['servers'][number]
type Read = Replicas['reads'][number]

const TONES: Readonly<Record<Server['status'], Tone>> = { used: 'ok', behind: 'warn', away: 'bad', promoted: 'bad', foreign: 'bad', unknown: 'quiet' }
const STATES: Readonly<Record<Server['status'], string>> = {
  used: 'gets reads',
  behind: 'too far behind',
  away: 'away',
  promoted: 'a primary now',
  foreign: 'of another cluster',
  unknown: 'not looked at yet',
}

/** Why reads went where they did, by reason. */
const REASONS: Readonly<Record<string, string>> = {
  chosen: 'had what the read must see',
  waited: 'caught up while the read waited',
  behind: 'no replica had what the read must see',
  late: 'not waited for: replicas are late as a rule',
  away: 'no replica could be had',
}

/** Replicas of the instances now, and where reads that may go to them went in the window. */
export function ReplicasPanel({ replicas, windowSec }: { readonly replicas: Replicas; readonly windowSec: number }): ReactElement {
  const { servers, instances, onReplicas, reads } = replicas
  const primaryPosition = instances.find(instance => instance.primaryPosition !== null)?.primaryPosition
  const unwaiting = instances.filter(({ replayLimitMs }) => replayLimitMs === 0)
  return (
    <Panel title="Replicas" aside={`now; reads of the last ${span(windowSec)}`}>
      <p>
        Reads that replicas answered: <Figure measured={onReplicas} show={showRatio} samples="of" />
        {primaryPosition === undefined ? null : (
          <>
            {' · log of the primary at '}
            <code>{primaryPosition}</code>
          </>
        )}
      </p>
      <DataTable
        label="Replicas"
        rows={servers}
        columns={columns(reads)}
        keyOf={({ name, instanceId }) => `${name} ${instanceId}`}
        order="replica"
        param="replicas"
        className="replicas"
      />
      {reads.length === 0 ? null : <Reasons reads={reads} />}
      {unwaiting.length === 0 ? null : (
        <p className="count">
          {unwaiting.map(({ id }) => id).join(', ')}: reads do not wait for replay now, because that took longer than it was worth.
        </p>
      )}
    </Panel>
  )
}

function columns(reads: readonly Read[]): readonly Column<Server>[] {
  const shareOf = ({ name }: Server): number => reads.reduce((sum, { server, share }) => (server === name ? sum + share : sum), 0)
  return [
    { id: 'replica', title: 'Replica', isText: true, value: row => row.name, cell: row => row.name },
    { id: 'state', title: 'State', isText: true, value: row => STATES[row.status], cell: row => <State server={row} /> },
    { id: 'position', title: 'Replayed to', isText: true, value: row => row.position ?? null, cell: row => <code>{row.position ?? '–'}</code> },
    {
      ...{ id: 'behind', title: 'Behind', value: (row: Server) => row.lagBytes ?? null },
      cell: row => (row.lagBytes === undefined ? 'not known' : `${showBytes(row.lagBytes)}, ${ms(row.lagMs ?? 0)}`),
    },
    { id: 'circuit', title: 'Circuit', isText: true, value: row => row.circuit, cell: row => row.circuit },
    { id: 'share', title: 'Share of reads', value: shareOf, cell: row => percent(shareOf(row)) },
    { id: 'running', title: 'Under way', value: row => row.outstanding, cell: row => count(row.outstanding) },
    { id: 'lost', title: 'Lost', value: row => row.lostCount, cell: row => count(row.lostCount) },
    { id: 'instance', title: 'Instance', isText: true, value: row => row.instanceId, cell: row => row.instanceId },
  ]
}

function State({ server: { status, isPaused, problem } }: { readonly server: Server }): ReactElement {
  return (
    <>
      <Mark tone={TONES[status]}>{STATES[status]}</Mark>
      {isPaused ? <div className="count">replay is paused</div> : null}
      {problem === undefined ? null : <div className="count">{problem}</div>}
    </>
  )
}

function Reasons({ reads }: { readonly reads: readonly Read[] }): ReactElement {
  return (
    <table className="buckets reads">
      <caption className="visually-hidden">Where reads went, and why</caption>
      <thead className="visually-hidden">
        <tr>
          <th scope="col">Server, and why</th>
          <th scope="col">Share</th>
          <th scope="col">Reads</th>
        </tr>
      </thead>
      <tbody>
        {reads.map(({ server, reason, count: n, share }) => (
          <tr key={`${server} ${reason}`}>
            <th scope="row" className="row-name">
              {server}
              <div className="count">{REASONS[reason] ?? reason}</div>
            </th>
            <td>
              <span className="share-bar" aria-hidden="true">
                <span style={{ width: `${share * 100}%` }} />
              </span>
              {percent(share)}
            </td>
            <td className="number">{count(n)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
