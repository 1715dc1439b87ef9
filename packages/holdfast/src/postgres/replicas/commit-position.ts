import { type Clock, currentRequestScope } from '../../core/index.ts'
import { unobserved } from '../own-statement.ts'
import type { UserClient, UserQueryResult } from '../user-pool.ts'
import type { ReplicaSet } from './replica-set.ts'
import { leavingNoMark } from './request-mark.ts'
import { COMMIT_WITH_POSITION, type PrimaryPositionRow } from './sql/primary-position.sql.ts'
import { parseWalPosition } from './wal-position.ts'

/** COMMIT that brings along the position which later reads of the request must see. 1 round trip, as COMMIT alone. Returns COMMIT's command; rejects as it does. */
export async function commitWithPosition({ primary, positions }: ReplicaSet, clock: Clock, client: UserClient): Promise<string> {
  const scope = currentRequestScope()
  // A server that did not tell its position before may refuse to: that must not look as if COMMIT had failed.
  if (scope === undefined || primary.latest === undefined || primary.problem !== undefined) return (await client.query('COMMIT')).command
  const askedMs = clock.monotonicMs()
  const [committed, after] = (await leavingNoMark(
    () => client.query(unobserved(COMMIT_WITH_POSITION, 'COMMIT')) as unknown as Promise<UserQueryResult<Record<string, unknown>>[]>,
    scope,
  )) as [UserQueryResult<Record<string, unknown>>, UserQueryResult<Record<string, unknown>>]
  const position = parseWalPosition((after.rows[0] as PrimaryPositionRow | undefined)?.position ?? '')
  if (position !== undefined) {
    const reading = { position, askedMs }
    primary.note(reading)
    positions.note(scope, reading)
  }
  return committed.command
}
