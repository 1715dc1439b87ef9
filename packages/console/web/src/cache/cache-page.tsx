import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import { fetchCacheMetrics } from '../api/client.ts'
import { CdnPanel } from '../cdn/cdn-panel.tsx'
import { span } from '../format.ts'
import type { Live } from '../live/use-live.ts'
import { Panel, Skeleton } from '../parts/panel.tsx'
import { ProblemNote } from '../parts/problem-note.tsx'
import type { Theme } from '../theme.ts'
import { CacheInstances } from './cache-instances.tsx'
import { CacheTiles } from './cache-tiles.tsx'
import { DropPanel } from './drop-panel.tsx'
import { HotKeys } from './hot-keys.tsx'
import { KeyInspector } from './key-inspector.tsx'
import { PrefixTable } from './prefix-table.tsx'
import { RouteAnswers } from './route-answers.tsx'

interface CachePageProps {
  readonly live: Live
  readonly theme: Theme
  readonly windowSec: number
}

/** The console reads its instances once a second; half of that rate is enough to watch. */
const REFRESH_MS = 2000

/** What the cache does, of which keys, and ways to look into it and to drop from it. */
export function CachePage({ live, theme, windowSec }: CachePageProps): ReactElement {
  const { data, error } = useQuery({
    queryKey: ['cache', windowSec],
    queryFn: ({ signal }) => fetchCacheMetrics(windowSec, signal),
    placeholderData: previous => previous,
    refetchInterval: live.paused ? false : REFRESH_MS,
  })
  if (data === undefined) {
    return (
      <section className="panel">
        <h1 className="visually-hidden">Cache</h1>
        {error === null ? <Skeleton lines={8} label="Reading the cache's numbers" /> : <ProblemNote error={error} />}
      </section>
    )
  }
  const isSilent = data.totals.readsPerSec.n === 0 && data.instances.every(({ entries }) => entries === 0)
  return (
    <>
      <h1 className="visually-hidden">Cache</h1>
      {error === null ? null : <ProblemNote error={error} />}
      <CacheInstances instances={data.instances} overview={live.overview} />
      {isSilent ? (
        <section className="panel empty">
          <p>
            <strong>The cache was not read in the last {span(windowSec)}.</strong>
          </p>
          <p className="count">Numbers appear with the first getOrSet, get or set of an instance.</p>
        </section>
      ) : null}
      <CacheTiles metrics={data} theme={theme} windowSec={windowSec} events={live.overview?.events ?? []}>
        <HotKeys rows={data.hotKeys} />
      </CacheTiles>
      <Panel title="By prefix of the key" aside={`the part before the first colon, last ${span(data.windowSec)}`}>
        <PrefixTable rows={data.prefixes} />
      </Panel>
      <Panel title="Answers by route" aside={`the response cache, last ${span(data.windowSec)}`}>
        <RouteAnswers rows={data.routes} />
      </Panel>
      <CdnPanel windowSec={windowSec} isPaused={live.paused} />
      <div className="cache-tools">
        <KeyInspector actions={data.actions} />
        <DropPanel actions={data.actions} needsConfirmation={data.needsConfirmation} />
      </div>
    </>
  )
}
