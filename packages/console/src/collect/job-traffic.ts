import { EMPTY_HISTOGRAM, mergePacked, type PackedHistogram } from './packed-histogram.ts'

/** Ends of attempts, as `holdfast_jobs_outcomes` names them. */
export const JOB_OUTCOMES = ['completed', 'retried', 'dead', 'cancelled', 'stalled', 'handed_back'] as const
export type JobOutcome = (typeof JOB_OUTCOMES)[number]

/** What the jobs of one name did in a stretch of time. Histograms are in seconds. */
export interface JobTraffic {
  readonly queue: string
  readonly name: string
  /** From when a job was due to the start of its first attempt. */
  readonly wait: PackedHistogram
  /** One attempt. */
  readonly run: PackedHistogram
  /** From when a job was due to its end. */
  readonly age: PackedHistogram
  readonly outcomes: Readonly<Record<JobOutcome, number>>
}

/** Jobs that did nothing. */
export function noJobTraffic(queue: string, name: string): JobTraffic {
  const outcomes = { completed: 0, retried: 0, dead: 0, cancelled: 0, stalled: 0, handed_back: 0 }
  return { queue, name, wait: EMPTY_HISTOGRAM, run: EMPTY_HISTOGRAM, age: EMPTY_HISTOGRAM, outcomes }
}

/** Adds jobs up, whatever their names; the first one gives queue and name. */
export function mergeJobs(jobs: readonly JobTraffic[]): JobTraffic {
  const { queue = '', name = '' } = jobs[0] ?? {}
  const total = noJobTraffic(queue, name)
  const outcomes = Object.fromEntries(JOB_OUTCOMES.map(outcome => [outcome, jobs.reduce((sum, job) => sum + job.outcomes[outcome], 0)]))
  return {
    ...total,
    wait: mergePacked(jobs.map(job => job.wait)),
    run: mergePacked(jobs.map(job => job.run)),
    age: mergePacked(jobs.map(job => job.age)),
    outcomes: outcomes as JobTraffic['outcomes'],
  }
}

/** Jobs that ended; by it names are ranked. */
export function endedJobs({ outcomes }: JobTraffic): number {
  return outcomes.completed + outcomes.dead + outcomes.cancelled
}

/** Jobs with the same queue, or the same name, as one. */
export function mergeJobsBy(part: 'queue' | 'name', jobs: Iterable<JobTraffic>): Map<string, JobTraffic> {
  const groups = new Map<string, JobTraffic[]>()
  for (const job of jobs) {
    const group = groups.get(job[part])
    if (group === undefined) groups.set(job[part], [job])
    else group.push(job)
  }
  return new Map([...groups].map(([key, parts]) => [key, mergeJobs(parts)]))
}
