import { pgErrors } from '../errors.ts'
import type { PoolMemberClient, SendPlain } from './member.ts'
import { SERVER_CONNECTIONS, type ServerConnectionsRow } from './sql/server-connections.sql.ts'

/** Fails when the server has fewer than `reserve` connections left, this new one counted: it is then given back, so that all pools of all instances together leave that many.
 *  1 round trip.
 *  @throws HF_PG_SERVER_FULL */
export async function requireServerRoom(client: PoolMemberClient, send: SendPlain, reserve: number): Promise<void> {
  const result = await new Promise<unknown>((resolve, reject) =>
    send(client, SERVER_CONNECTIONS, (error, answer) => (error ? reject(error) : resolve(answer))),
  )
  const { allowed, used } = (result as { rows: readonly ServerConnectionsRow[] }).rows[0]!
  if (used <= allowed - reserve) return
  throw pgErrors.create(
    'HF_PG_SERVER_FULL',
    `${used} of the ${allowed} connections of PostgreSQL are in use, and ${reserve} are to stay free: the pool does not grow`,
    {
      context: { used, allowed, reserve },
    },
  )
}
