import type { Clock, Logger } from '../../core/index.ts'
import { isInTransaction } from '../transaction-status.ts'
import type { PoolMemberClient, SendPlain } from './member.ts'

/** Waits until a client that was given back has nothing under way, and rolls back a transaction that its holder left open. `settle` is called once,
 *  with false when the client should be closed instead: it did not finish within `limitMs`, or ROLLBACK failed. */
export function returnClean(
  client: PoolMemberClient,
  deps: { readonly clock: Clock; readonly logger: Logger; readonly send: SendPlain },
  limitMs: number,
  describeHolder: () => string,
  settle: (isSound: boolean) => void,
): void {
  const holder = describeHolder()
  let isOver = false
  const finish = (isSound: boolean): void => {
    if (isOver) return
    isOver = true
    timer.cancel()
    client.removeListener('drain', onDrain)
    client.removeListener('end', onEnd)
    settle(isSound)
  }
  const onEnd = (): void => finish(false)
  const onDrain = (): void => {
    // More may have been queued by whoever gave it back and goes on using it.
    if (client.readyForQuery === false) {
      client.once('drain', onDrain)
      return
    }
    if (!isInTransaction(client)) {
      finish(true)
      return
    }
    deps.logger.error(
      { code: 'HF_PG_OPEN_TRANSACTION', holder },
      `a client came back to the pool inside an open transaction, which is rolled back: ${holder}`,
    )
    deps.send(client, 'ROLLBACK', error => finish(!error))
  }
  const timer = deps.clock.after(limitMs, () => finish(false))
  client.once('end', onEnd)
  if (client.readyForQuery === false) client.once('drain', onDrain)
  else onDrain()
}
