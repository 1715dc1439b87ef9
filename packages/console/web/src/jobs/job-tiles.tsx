import type { ReactElement } from 'react'
import type { ConsoleEvent, Measured } from '../../../src/api/contract.ts'
import type { JobsMetricsAnswer, JobTimes } from '../../../src/api/jobs-contract.ts'
import { ChartTile } from '../charts/chart-tile.tsx'
import { count, joined, showMs, span } from '../format.ts'
import { ENOUGH_FOR_P95, Figure } from '../parts/figure.tsx'
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
  const { series, depth, queue, times } = answer
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
        <span className="meaning count">now, and every five seconds</span>
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
        <Sum times={times} />
        <span className="meaning count">in the last {span(answer.windowSec)}</span>
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
          <span className="label">p95</span> <Figure measured={times[`${part}P95Ms`]} show={showMs} enough={ENOUGH_FOR_P95} />
          <span className="beside">p50 {p50Text(times[`${part}P50Ms`])}</span>
          <span className="meaning count">{meaning}</span>
        </ChartTile>
      ))}
    </section>
  )
}

function p50Text({ value }: Measured): string {
  return value === null ? '–' : joined(showMs(value))
}

function Sum({ times }: { readonly times: JobTimes }): ReactElement {
  return (
    <>
      <span className="figure">
        <span className="value">{count(times.completedCount)}</span> <span className="count">completed</span>
      </span>
      <span className="beside">
        {count(times.retriedCount)} retried · {count(times.deadCount)} dead
      </span>
    </>
  )
}
