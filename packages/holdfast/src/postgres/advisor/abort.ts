import type { Logger } from '../../core/index.ts'
import { type AdvisorClient, messageOf, readRows, withClient } from './client.ts'
import { sweepLabs } from './lab.ts'
import { END_SESSION } from './sql/end-session.sql.ts'
import { SESSION_FACTS, type SessionFactsRow } from './sql/session-facts.sql.ts'

/** Runs `work` on a fresh connection, as `withClient`. An abort ends the session in the server, whatever it does, and drops the copies that it made; this then rejects with the
 *  signal's reason. Where the server does not answer any more, it rejects all the same, and the next run drops the copies. */
export async function withAbort<T>(
  { connect, logger }: { readonly connect: () => Promise<AdvisorClient>; readonly logger: Logger },
  signal: AbortSignal | undefined,
  work: (client: AdvisorClient) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return withClient(connect, work)
  signal.throwIfAborted()
  let clearing: Promise<unknown> | undefined
  return withClient(connect, async client => {
    const [session] = await readRows<SessionFactsRow>(client, SESSION_FACTS)
    // Behind a pooler the session may be another's by then.
    const isOwn = typeof client.processID !== 'number' || client.processID === session!.pid
    const end = (): void => {
      clearing = isOwn ? endSession(connect, session!.pid).catch(error => logger.warn({ problem: messageOf(error) }, 'copies are left')) : undefined
      client.end().catch(() => undefined)
    }
    signal.addEventListener('abort', end, { once: true })
    try {
      const result = await work(client)
      signal.throwIfAborted()
      return result
    } catch (error) {
      throw signal.aborted ? signal.reason : error
    } finally {
      signal.removeEventListener('abort', end)
      await clearing
    }
  })
}

function endSession(connect: () => Promise<AdvisorClient>, pid: number): Promise<unknown> {
  return withClient(connect, async client => {
    await client.query(END_SESSION, [pid])
    await sweepLabs(client)
  })
}
