import type { ReactElement } from 'react'
import type { ConsoleEvent } from '../../../src/api/contract.ts'
import type { JobsMetricsAnswer } from '../../../src/api/jobs-contract.ts'
import { ChartTile } from '../charts/chart-tile.tsx'
import { count, showMs, span } from '../format.ts'
import type { Theme } from '../theme.ts'
import { showJobsPerSec } from './queue-table.tsx'

interface JobTilesProps {
  readonly answer: JobsMetricsAnswer
  readonly theme: Theme
  readonly windowSec: number
  readonly events: readonly ConsoleEvent[]
}

const TIMES = [
  ['wait', 'Wait', 'until the first attempt began'],
  ['run', 'Run', 'one attempt'],
  ['age', 'Age', 'from due to its end'],
] as const

/** Depth, throughput and times of one queue, or of all together, each with its last minutes. */
export function JobTiles({ answer, theme, windowSec, events }: JobTilesProps): ReactElement {
  const { series, depth, queue } = answer
  const shared = { theme, windowSec, events }
  const [waiting, delayed] = [depth.waiting.at(-1), depth.delayed.at(-1)]
  return (
    <section className="tiles job-tiles" aria-label={`${queue ?? 'All queues'}, last ${span(answer.windowSec)}`}>
      <ChartTile
        {...shared}
        series={{ atMs: depth.atMs, partial: false }}
        title="Depth"
        unit="jobs, delayed dashed"
        show={value => ({ text: count(value), unit: '' })}
        lines={[
          { label: 'waiting', values: depth.waiting },
          { label: 'delayed', values: depth.delayed, dashed: true },
        ]}
      >
        <span className="figure">
          <span className="value">{waiting === undefined ? '–' : count(waiting)}</span>{' '}
          <span className="count">{waiting === undefined ? 'not looked at yet' : 'waiting'}</span>
        </span>
        {delayed === undefined ? null : <span className="beside">{count(delayed)} delayed</span>}
      </ChartTile>
      <ChartTile
        {...{ ...shared, series }}
        title="Throughput"
        unit="per s, failed dashed"
        show={showJobsPerSec}
        isBareAxis
        lines={[
          { label: 'jobs that ended, per second', values: series.endedPerSec },
          { label: 'attempts that failed, per second', values: series.failedPerSec, dashed: true },
        ]}
      >
        <Sum answer={answer} />
      </ChartTile>
      {TIMES.map(([part, title, meaning]) => (
        <ChartTile
          key={part}
          {...{ ...shared, series, title }}
          unit="log, p50 dashed"
          show={showMs}
          isLog
          lines={[
            { label: `${part} p95`, values: series[`${part}P95Ms`] },
            { label: `${part} p50`, values: series[`${part}P50Ms`], dashed: true },
          ]}
        >
          <span className="count">{meaning}</span>
        </ChartTile>
      ))}
    </section>
  )
}

function Sum({ answer: { queues, queue } }: { readonly answer: JobsMetricsAnswer }): ReactElement {
  const rows = queues.filter(row => queue === null || row.queue === queue)
  const sum = (part: 'completedCount' | 'deadCount' | 'retriedCount'): string => count(rows.reduce((total, row) => total + row[part], 0))
  return (
    <>
      <span className="figure">
        <span className="value">{sum('completedCount')}</span> <span className="count">completed</span>
      </span>
      <span className="beside">
        {sum('retriedCount')} retried · {sum('deadCount')} dead
      </span>
    </>
  )
}
