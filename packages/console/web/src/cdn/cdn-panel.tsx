import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import type { CdnMetricsAnswer } from '../../../src/api/cdn-contract.ts'
import { fetchCdns } from '../api/cdn-client.ts'
import { span } from '../format.ts'
import { Panel, Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import { ServerNote } from '../postgres/server-note.tsx'
import { CdnCounted } from './cdn-counted.tsx'
import { CdnTable } from './cdn-table.tsx'
import { DeadPurges } from './dead-purges.tsx'

interface CdnPanelProps {
  readonly windowSec: number
  /** The page stands still. */
  readonly isPaused: boolean
}

const REFRESH_MS = 5000

/** Purges on their way to CDNs, those that were given up, and what the CDNs counted. */
export function CdnPanel({ windowSec, isPaused }: CdnPanelProps): ReactElement {
  const { data, error } = useQuery({
    queryKey: ['cdn', windowSec],
    queryFn: ({ signal }) => fetchCdns(windowSec, signal),
    placeholderData: previous => previous,
    refetchInterval: isPaused ? false : REFRESH_MS,
  })
  return (
    <Panel title="CDNs" className="cdns" {...(data === undefined ? {} : { aside: `sent and taken in the last ${span(data.windowSec)}` })}>
      {error === null ? null : <ProblemNote error={error} />}
      {data !== undefined ? <Cdns answer={data} isPaused={isPaused} /> : error === null ? <Skeleton lines={2} label="Reading the purges" /> : null}
    </Panel>
  )
}

function Cdns({ answer, isPaused }: { readonly answer: CdnMetricsAnswer; readonly isPaused: boolean }): ReactElement {
  const { cdns, storeProblem, actions, needsConfirmation } = answer
  if (cdns.length === 0) {
    return (
      <p className="empty">
        No CDN is configured. Give <code>holdfast()</code> the option <code>cdn</code>; for <code>holdfast console</code> name one in its environment.
      </p>
    )
  }
  const withDead = cdns.flatMap(({ provider, now }) => (now !== null && now.dead > 0 ? [{ provider, count: now.dead }] : []))
  return (
    <>
      <ServerNote problem={storeProblem} what="What waits for the CDNs is not read" />
      <CdnTable rows={cdns} />
      {actions.length === 0 ? null : <CdnCounted isPaused={isPaused} />}
      {withDead.length === 0 ? null : (
        <DeadPurges withDead={withDead} mayChange={actions.includes('change')} needsConfirmation={needsConfirmation} isPaused={isPaused} />
      )}
    </>
  )
}
