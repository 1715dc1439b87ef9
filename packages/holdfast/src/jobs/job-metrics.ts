import type { Counter, Gauge, Histogram, MetricFamily, Registry } from '../telemetry/index.ts'

/** How an attempt ended. */
export type AttemptOutcome = 'completed' | 'retried' | 'dead' | 'cancelled' | 'stalled' | 'handed_back'

/** What is recorded of one kind of job. */
export interface KindMetrics {
  readonly wait: Histogram
  readonly run: Histogram
  readonly age: Histogram
  readonly attempts: Histogram
  readonly outcomes: Readonly<Record<AttemptOutcome, Counter>>
}

/** All metrics of jobs. */
export interface JobMetrics {
  kind(queue: string, name: string): KindMetrics
  readonly added: MetricFamily<Counter>
  readonly depth: MetricFamily<Gauge>
  readonly oldestWaiting: MetricFamily<Gauge>
  readonly overruns: Gauge
  readonly outbox: MetricFamily<Counter>
}

/** Registers them. */
export function registerJobMetrics(registry: Registry): JobMetrics {
  const labels = ['queue', 'name']
  const histogram = (name: string, help: string, unit?: string): MetricFamily<Histogram> =>
    registry.histogram({ name, help, labels, ...(unit === undefined ? {} : { unit }) })
  const wait = histogram('holdfast_jobs_wait_seconds', 'From when a job was due to the start of its first attempt.', 'seconds')
  const run = histogram('holdfast_jobs_run_seconds', 'One attempt.', 'seconds')
  const age = histogram('holdfast_jobs_age_seconds', 'From when a job was due to its end.', 'seconds')
  const attempts = histogram('holdfast_jobs_attempts', 'Attempts of jobs that ended.')
  const outcomes = registry.counter({ name: 'holdfast_jobs_outcomes', help: 'Ends of attempts.', labels: [...labels, 'outcome'] })
  const kinds = new Map<string, KindMetrics>()
  const bindKind = (queue: string, name: string): KindMetrics => ({
    wait: wait.bind(queue, name),
    run: run.bind(queue, name),
    age: age.bind(queue, name),
    attempts: attempts.bind(queue, name),
    outcomes: {
      completed: outcomes.bind(queue, name, 'completed'),
      retried: outcomes.bind(queue, name, 'retried'),
      dead: outcomes.bind(queue, name, 'dead'),
      cancelled: outcomes.bind(queue, name, 'cancelled'),
      stalled: outcomes.bind(queue, name, 'stalled'),
      handed_back: outcomes.bind(queue, name, 'handed_back'),
    },
  })
  return {
    kind(queue, name) {
      const key = `${queue} ${name}`
      const known = kinds.get(key)
      if (known !== undefined) return known
      const kind = bindKind(queue, name)
      kinds.set(key, kind)
      return kind
    },
    added: registry.counter({ name: 'holdfast_jobs_added', help: 'Jobs handed over by this process.', labels: [...labels, 'by'] }),
    depth: registry.gauge({ name: 'holdfast_jobs_depth', help: 'Jobs of a queue by state, at the last look.', labels: ['queue', 'state'] }),
    oldestWaiting: registry.gauge({
      name: 'holdfast_jobs_oldest_waiting_seconds',
      help: 'Age of the job that has waited longest, at the last look; 0 when none waits.',
      unit: 'seconds',
      labels: ['queue'],
    }),
    overruns: registry.gauge({ name: 'holdfast_jobs_overruns', help: 'Attempts that are over and whose function still runs.' }).bind(),
    outbox: registry.counter({ name: 'holdfast_jobs_outbox_rows', help: 'Rows of the job outbox, by what became of them.', labels: ['event'] }),
  }
}
