import { delay } from '../../core/index.ts'
import { readRows, withClient } from '../advisor/client.ts'
import type { UpkeepDeps } from '../upkeep/upkeep-session.ts'
import { VACUUM_PROGRESS, type VacuumProgressRow } from './sql/vacuum-subject.sql.ts'

/** How far a vacuum is. */
export interface VacuumProgress {
  /** As pg_stat_progress_vacuum names it, for example `scanning heap`. */
  readonly phase: string
  /** Of the phase under way, 0..1. */
  readonly doneRatio: number
}

const POLL_MS = 200

/** Reports the progress of a vacuum from a second connection, until the returned function is awaited. A connection that cannot be had means no reports, not a
 *  failed vacuum. */
export function watchVacuum({ connect, clock }: UpkeepDeps, pid: number, onProgress: (progress: VacuumProgress) => void): () => Promise<void> {
  const ended = new AbortController()
  const watching = withClient(connect, async client => {
    let last = ''
    while (!ended.signal.aborted) {
      const [row] = await readRows<VacuumProgressRow>(client, VACUUM_PROGRESS, [pid])
      const progress = row === undefined ? undefined : progressOf(row)
      const text = JSON.stringify(progress)
      if (progress !== undefined && text !== last) onProgress(progress)
      last = text
      await delay(clock, POLL_MS, ended.signal)
    }
  }).catch(() => undefined)
  return async () => {
    ended.abort()
    await watching
  }
}

function progressOf({ phase, blocksTotal, blocksScanned, blocksVacuumed }: VacuumProgressRow): VacuumProgress {
  const done = phase === 'vacuuming heap' ? blocksVacuumed : blocksScanned
  return { phase, doneRatio: blocksTotal > 0 ? Math.min(1, done / blocksTotal) : 0 }
}
