import type { ReactElement } from 'react'
import type { Live } from '../live/use-live.ts'
import { Skeleton } from '../parts/panel.tsx'
import type { Theme } from '../theme.ts'
import { Events } from './events.tsx'
import { FixFirst } from './fix-first.tsx'
import { Instances } from './instances.tsx'
import { LoadBanner } from './load-banner.tsx'
import { Statements } from './statements.tsx'
import { Tiles } from './tiles.tsx'
import { TimeSplits } from './time-splits.tsx'
import { VerdictLine } from './verdict-line.tsx'

interface OverviewPageProps {
  readonly live: Live
  readonly theme: Theme
  /** The window that was asked for; what an answer covers is less while the console is young. */
  readonly windowSec: number
  linkTo(path: string): string
}

/** Is it well, and what should be fixed first. */
export function OverviewPage({ live, theme, windowSec, linkTo }: OverviewPageProps): ReactElement {
  const { overview } = live
  if (overview === null) {
    return (
      <>
        <h1 className="visually-hidden">Overview</h1>
        <section className="panel">
          <Skeleton lines={2} label="Waiting for the first numbers" />
        </section>
        <section className="panel">
          <Skeleton lines={6} label="Waiting for the first numbers" />
        </section>
      </>
    )
  }
  return (
    <>
      <h1 className="visually-hidden">Overview of {overview.service}</h1>
      {overview.load === null ? null : <LoadBanner load={overview.load} />}
      <VerdictLine overview={overview} />
      <div className="pair">
        <div className="stack">
          <FixFirst overview={overview} linkTo={linkTo} />
          <Events events={overview.events} />
          <Instances instances={overview.instances} atMs={overview.atMs} />
        </div>
        <TimeSplits routes={overview.routes} windowSec={overview.windowSec} />
      </div>
      <Tiles overview={overview} theme={theme} windowSec={windowSec} linkTo={linkTo} />
      <Statements statements={overview.statements} windowSec={overview.windowSec} />
    </>
  )
}
