import type { Clock, Lifecycle, Logger } from 'holdfast/core'
import type { DepthSample, QueueSummary } from 'holdfast/jobs'
import { createTicker } from '../collect/ticker.ts'

/** Costs Redis 3 round trips and 2 a queue each time. */
export const DEPTH_EVERY_MS = 5000
/** A quarter of an hour, as everything that the console remembers. */
const SAMPLES_KEPT = 180
/** Queues whose depth is remembered. */
const QUEUES_KEPT = 200

/** Jobs that waited at one moment, and for how long the oldest of them. */
export interface RecordedDepth extends DepthSample {
  readonly delayed: number
}

/** Remembers how many jobs waited. */
export interface DepthRecorder extends Lifecycle {
  /** Of one queue, or of all together, in the last so many seconds, oldest first. */
  samples(queue: string | null, windowSec: number): readonly RecordedDepth[]
}

/** Looks at the queues every five seconds from `start` to `stop`. A look that fails leaves a gap, and a line in the log, the first time. */
export function createDepthRecorder(
  read: () => Promise<readonly QueueSummary[]>,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): DepthRecorder {
  const looks: { readonly atMs: number; readonly queues: ReadonlyMap<string, RecordedDepth> }[] = []
  let warned = false
  const ticker = createTicker({
    name: 'console depth recorder',
    clock,
    everyMs: DEPTH_EVERY_MS,
    async work() {
      const queues = await read()
      const atMs = clock.nowMs()
      const sample = (summary: QueueSummary): [string, RecordedDepth] => [summary.queue, recordedDepth(summary, atMs)]
      looks.push({ atMs, queues: new Map(queues.slice(0, QUEUES_KEPT).map(sample)) })
      if (looks.length > SAMPLES_KEPT) looks.shift()
      warned = false
    },
    onProblem(problem) {
      if (!warned) logger.warn({ err: problem }, 'the depth of the queues is not recorded: their Redis did not answer')
      warned = true
    },
  })
  return {
    ...ticker,
    samples(queue, windowSec) {
      const fromMs = clock.nowMs() - windowSec * 1000
      const recent = looks.filter(({ atMs }) => atMs >= fromMs)
      if (queue !== null) return recent.flatMap(({ queues }) => queues.get(queue) ?? [])
      return recent.map(({ atMs, queues }) => {
        const all = [...queues.values()]
        const sum = (part: 'waiting' | 'delayed'): number => all.reduce((total, sample) => total + sample[part], 0)
        return { atMs, waiting: sum('waiting'), delayed: sum('delayed') }
      })
    },
  }
}

/** What is recorded of a queue at one look. */
export function recordedDepth({ counts: { waiting, delayed }, oldestWaitingMs, isPaused }: QueueSummary, atMs: number): RecordedDepth {
  return { atMs, waiting, delayed, oldestWaitingMs, isPaused }
}
