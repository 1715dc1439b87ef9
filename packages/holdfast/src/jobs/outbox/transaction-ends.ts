/** The part of a connection of `pg` (8) that tells, after every statement, whether a transaction is open. Listened to, never changed. */
interface StatementConnection {
  on(event: 'readyForQuery', listener: (message: { readonly status?: string }) => void): unknown
  removeListener(event: 'readyForQuery', listener: (message: { readonly status?: string }) => void): unknown
}

/** Status of a connection outside of a transaction. @source PostgreSQL 18, 54.7 Message Formats, ReadyForQuery */
const IDLE = 'I'

/** Tells when transactions of this process end, from the connections they are on. */
export class TransactionEnds {
  readonly #watched = new WeakSet<StatementConnection>()
  readonly #onEnd: () => void

  /** @param onEnd called after COMMIT, and after ROLLBACK as well, once for all that was watched in it */
  constructor(onEnd: () => void) {
    this.#onEnd = onEnd
  }

  /** Watches the transaction that the next statement of `tx` is part of. What is returned says whether its end is still to come; always false for a driver that does
   *  not tell. */
  watch(tx: object): () => boolean {
    const connection = connectionOf(tx)
    if (connection === undefined) return () => false
    const isWatched = (): boolean => this.#watched.has(connection)
    if (isWatched()) return isWatched
    this.#watched.add(connection)
    const onReady = ({ status }: { readonly status?: string }): void => {
      if (status !== IDLE) return
      connection.removeListener('readyForQuery', onReady)
      this.#watched.delete(connection)
      this.#onEnd()
    }
    connection.on('readyForQuery', onReady)
    return isWatched
  }
}

/** Of a transaction of `hf.pg`, or of a client of `pg`. */
function connectionOf(tx: object): StatementConnection | undefined {
  const client: object = 'client' in tx && typeof tx.client === 'object' && tx.client !== null ? tx.client : tx
  if (!('connection' in client)) return undefined
  const connection = client.connection as Partial<StatementConnection> | null | undefined
  return typeof connection?.on === 'function' && typeof connection.removeListener === 'function' ? (connection as StatementConnection) : undefined
}
