import type { ClockTimer } from '../../core/index.ts'
import type { ActionContext } from './action.ts'
import { type AdvisorClient, readRows } from './client.ts'
import { BUILD_PROGRESS, type BuildProgressRow } from './sql/build-progress.sql.ts'

const POLL_MS = 200

/** Reports the phases of a build from a second connection. Ends when the returned function is awaited. A connection that cannot be had means no
 *  reports, not a failed build. */
export function watchBuild(
  { connect, clock, onProgress }: Pick<ActionContext, 'connect' | 'clock' | 'onProgress'>,
  pid: number,
): () => Promise<void> {
  let ended = false
  let timer: ClockTimer | undefined
  let wake: (() => void) | undefined
  const pause = (): Promise<void> =>
    new Promise(resolve => {
      wake = resolve
      timer = clock.after(POLL_MS, resolve)
    })
  const watch = async (): Promise<void> => {
    let client: AdvisorClient | undefined
    try {
      client = await connect()
      let last = ''
      while (!ended) {
        const [row] = await readRows<BuildProgressRow>(client, BUILD_PROGRESS, [pid])
        const line = row === undefined ? '' : describeProgress(row)
        if (line !== '' && line !== last) onProgress(line)
        last = line
        if (!ended) await pause()
      }
    } catch {
      // The build goes on without an audience.
    } finally {
      await client?.end().catch(() => undefined)
    }
  }
  const watching = watch()
  return async () => {
    ended = true
    timer?.cancel()
    wake?.()
    await watching
  }
}

function describeProgress({ phase, blocksDone, blocksTotal, blockingPids }: BuildProgressRow): string {
  const share = blocksTotal > 0 ? ` ${Math.floor((blocksDone / blocksTotal) * 100)} %` : ''
  const waits = blockingPids.length > 0 ? `, waits for pid ${blockingPids.join(', ')}` : ''
  return `${phase}${share}${waits}`
}
