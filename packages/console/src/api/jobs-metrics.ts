import type { Finding } from 'holdfast/core'
import { type QueueOutlook, type QueueSummary, queueOutlook } from 'holdfast/jobs'
import type { InstanceJobs } from '../collect/collector.ts'
import { endedJobs, type JobTraffic, mergeJobs, mergeJobsBy, noJobTraffic } from '../collect/job-traffic.ts'
import { perSec, quantileMs } from '../collect/point.ts'
import { summarise } from '../findings/finding-summary.ts'
import { type RecordedDepth, recordedDepth } from '../jobs/depth-recorder.ts'
import type { JobPoint, Point, TrafficWindow } from '../store/traffic-store.ts'
import type { ServerProblem } from './database-contract.ts'
import type { JobQueueRow, JobSeries, JobsMetricsAnswer, JobTimes } from './jobs-contract.ts'

/** All that the answer is made from. */
export interface JobsMetricsInput {
  readonly atMs: number
  readonly window: TrafficWindow
  readonly partial: boolean
  /** Null: all queues together. */
  readonly queue: string | null
  /** Null when Redis did not say. */
  readonly summaries: readonly QueueSummary[] | null
  readonly storeProblem: ServerProblem | null
  readonly depth: (queue: string | null) => readonly RecordedDepth[]
  readonly actions: JobsMetricsAnswer['actions']
  readonly needsConfirmation: boolean
  readonly instances: readonly InstanceJobs[]
  readonly findings: readonly Finding[]
}

/** Queues as Redis has them now, and what their jobs did in the window. */
export function buildJobsMetrics(input: JobsMetricsInput): JobsMetricsAnswer {
  const { atMs, window, partial, queue, summaries, depth } = input
  const { traffic, coveredMs, points } = window
  const measured = mergeJobsBy('queue', traffic.jobs.values())
  const known = new Map(summaries?.map(summary => [summary.queue, summary]))
  const names = [...new Set([...known.keys(), ...measured.keys()])].sort()
  const ofQueue = [...traffic.jobs.values()].filter(job => queue === null || job.queue === queue)
  const waiting = withNow(depth(queue), atMs, queue === null ? (summaries ?? []) : [known.get(queue)])
  return {
    schema: 'holdfast.jobs-metrics/1',
    atMs,
    windowSec: Math.round(coveredMs / 1000),
    queue,
    times: timesOf(mergeJobs(ofQueue), coveredMs),
    queues: names.map(name =>
      queueRow(
        name,
        known.get(name),
        timesOf(measured.get(name) ?? noJobTraffic(name, ''), coveredMs),
        outlookOf(name, withNow(depth(name), atMs, [known.get(name)]), input.instances),
      ),
    ),
    names: [...mergeJobsBy('name', ofQueue)]
      .map(([name, jobs]) => ({ name, ...timesOf(jobs, coveredMs) }))
      .sort((a, b) => b.endedPerSec.n - a.endedPerSec.n || a.name.localeCompare(b.name)),
    series: series(points, queue, partial),
    depth: {
      atMs: waiting.map(sample => sample.atMs),
      waiting: waiting.map(sample => sample.waiting),
      delayed: waiting.map(sample => sample.delayed),
    },
    findings: input.findings.filter(({ state }) => state === 'open').map(summarise),
    storeProblem: input.storeProblem,
    actions: input.actions,
    needsConfirmation: input.needsConfirmation,
  }
}

/** The looks so far and the one of this answer, so that an answer does not contradict itself. */
function withNow(samples: readonly RecordedDepth[], atMs: number, summaries: readonly (QueueSummary | undefined)[]): readonly RecordedDepth[] {
  const known = summaries.filter(summary => summary !== undefined)
  if (known.length === 0) return samples
  const sum = (state: 'waiting' | 'delayed'): number => known.reduce((total, { counts }) => total + counts[state], 0)
  const now = known.length === 1 ? recordedDepth(known[0]!, atMs) : { atMs, waiting: sum('waiting'), delayed: sum('delayed') }
  return [...samples.filter(sample => sample.atMs < atMs), now]
}

/** An instance that has the queue's definition knows its limits; without one, the same is asked of the console's own looks with the usual limits. */
function outlookOf(queue: string, samples: readonly RecordedDepth[], instances: readonly InstanceJobs[]): QueueOutlook {
  const said = instances.flatMap(({ state }) => state.outlooks ?? []).filter(outlook => outlook.queue === queue)
  // That which rests on most looks: another instance may have just started.
  return said.toSorted((a, b) => b.n - a.n)[0] ?? queueOutlook(queue, samples)
}

function queueRow(queue: string, summary: QueueSummary | undefined, times: JobTimes, outlook: QueueOutlook): JobQueueRow {
  return {
    queue,
    counts: summary?.counts ?? null,
    isPaused: summary?.isPaused ?? null,
    oldestWaitingMs: summary?.oldestWaitingMs ?? null,
    outlook: summary === undefined ? null : outlook,
    ...times,
  }
}

function timesOf(jobs: JobTraffic, coveredMs: number): JobTimes {
  const { outcomes, wait, run, age } = jobs
  const ended = endedJobs(jobs)
  return {
    endedPerSec: { value: perSec(ended, coveredMs), n: ended },
    completedCount: outcomes.completed,
    retriedCount: outcomes.retried,
    deadCount: outcomes.dead,
    cancelledCount: outcomes.cancelled,
    stalledCount: outcomes.stalled,
    waitP50Ms: quantileMs(wait, 0.5),
    waitP95Ms: quantileMs(wait, 0.95),
    runP50Ms: quantileMs(run, 0.5),
    runP95Ms: quantileMs(run, 0.95),
    ageP50Ms: quantileMs(age, 0.5),
    ageP95Ms: quantileMs(age, 0.95),
  }
}

function series(points: readonly Point[], queue: string | null, partial: boolean): JobSeries {
  const of = (part: keyof JobPoint): (number | null)[] => points.map(({ jobs }) => jobs?.get(queue)?.[part] ?? null)
  return {
    atMs: points.map(({ atMs }) => atMs),
    endedPerSec: of('endedPerSec'),
    failedPerSec: of('failedPerSec'),
    waitP50Ms: of('waitP50Ms'),
    waitP95Ms: of('waitP95Ms'),
    runP50Ms: of('runP50Ms'),
    runP95Ms: of('runP95Ms'),
    ageP50Ms: of('ageP50Ms'),
    ageP95Ms: of('ageP95Ms'),
    partial,
  }
}
