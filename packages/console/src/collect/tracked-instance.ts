import type { InstanceSnapshot } from 'holdfast'
import { type Clock, isHoldfastError } from 'holdfast/core'
import type { InstanceState } from '../api/contract.ts'
import { instanceDelta, isSameProcess } from './instance-delta.ts'
import type { InstanceSource } from './instance-source.ts'
import type { Traffic } from './traffic.ts'
import { withinLimit } from './within-limit.ts'

/** How long a read may take. Shorter than the second between two reads, so that a slow instance never holds up the others' next one. */
export const READ_LIMIT_MS = 800
/** Reads that have to fail in a row before an instance counts as away. One slow answer of a saturated process is no absence. */
export const FAILED_READS_UNTIL_AWAY = 2
/** A difference over a longer stretch is not counted: it would put minutes of traffic into one second. */
const LONGEST_DELTA_MS = 10_000

/** What one read brought. */
export interface InstanceRead {
  /** Null on the first read, after a long absence, and when the read failed. */
  readonly traffic: Traffic | null
  readonly durationMs: number
  /** What changed with this read, for the events lane. */
  readonly change: string | undefined
}

/** One source with what is remembered of it between reads. */
export interface TrackedInstance {
  readonly id: string
  /** Never rejects. Ends at once when `stop` is aborted. */
  read(stop: AbortSignal): Promise<InstanceRead>
  state(): InstanceState
  /** The newest answer while the instance is up. */
  snapshot(): InstanceSnapshot | undefined
  /** True when its process answered the last reading, if only with an error status: requests may well be served there. */
  isAnswering(): boolean
}

/** Starts to track a source; nothing is read yet. */
export function trackInstance(source: InstanceSource, clock: Clock): TrackedInstance {
  let snapshot: InstanceSnapshot | undefined
  let state: InstanceState = { id: source.id, state: 'away', sinceMs: clock.nowMs(), note: 'not read yet' }
  let wasRead = false
  let failedSinceMs: number | undefined
  let failureCount = 0
  let answering = false
  let pending: Promise<InstanceSnapshot> | undefined

  const onAnswer = (next: InstanceSnapshot): InstanceRead => {
    const previous = snapshot
    const wasAway = state.state === 'away'
    const restarted = previous !== undefined && !isSameProcess(next, previous)
    const delta = countedDelta(next, previous, restarted)
    snapshot = next
    failureCount = 0
    failedSinceMs = undefined
    answering = true
    if (wasAway || restarted) state = { id: source.id, state: 'up', sinceMs: clock.nowMs(), note: `${next.service}, ${next.instanceId}` }
    const change = wasRead && (wasAway || restarted) ? `${source.id} ${restarted ? 'was restarted' : 'answers again'}` : undefined
    wasRead = true
    return { ...delta, change }
  }

  const onFailure = (error: unknown): InstanceRead => {
    const why = error instanceof Error ? error.message : String(error)
    answering = isHoldfastError(error) && typeof error.context.status === 'number'
    failedSinceMs ??= clock.nowMs()
    failureCount++
    const becomesAway = failureCount === FAILED_READS_UNTIL_AWAY
    if (failureCount >= FAILED_READS_UNTIL_AWAY) state = { id: source.id, state: 'away', sinceMs: failedSinceMs, note: why }
    if (becomesAway) wasRead = true
    return { traffic: null, durationMs: 0, change: becomesAway ? `${source.id} is away: ${why}` : undefined }
  }

  return {
    id: source.id,
    read(stop) {
      const reading = withinLimit(
        signal => {
          // A source that ignores its signal is not asked again before it has answered, or reads would pile up.
          pending ??= source.read(signal).finally(() => {
            pending = undefined
          })
          return pending
        },
        { clock, limitMs: READ_LIMIT_MS, stop },
      )
      // An answer that cannot be understood is as bad as none.
      return reading.then(onAnswer).catch(onFailure)
    },
    state: () => state,
    isAnswering: () => answering,
    snapshot: () => (state.state === 'up' ? snapshot : undefined),
  }
}

function countedDelta(
  next: InstanceSnapshot,
  previous: InstanceSnapshot | undefined,
  restarted: boolean,
): Pick<InstanceRead, 'traffic' | 'durationMs'> {
  const durationMs = previous === undefined ? 0 : next.atMs - (restarted ? next.startedAtMs : previous.atMs)
  if (previous === undefined || durationMs <= 0 || durationMs > LONGEST_DELTA_MS) return { traffic: null, durationMs: 0 }
  return { traffic: instanceDelta(next, previous), durationMs }
}
