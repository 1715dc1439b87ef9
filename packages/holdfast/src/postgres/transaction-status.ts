/** The part of a client by which it is known whether its session is in a transaction. */
export interface StatusClient {
  /** `I` idle, `T` in a transaction, `E` in a failed one. Absent in `pg` before 8.21. */
  getTransactionStatus?(): string | null
  readonly connection?: { prependListener?(event: 'readyForQuery', listener: (message?: { readonly status?: string }) => void): unknown }
}

const statuses = new WeakMap<object, string | undefined>()

/** Makes `isInTransaction` true to the word for a driver that does not keep the server's word itself. Call it once a client. */
export function keepTransactionStatus(client: StatusClient): void {
  if (client.getTransactionStatus !== undefined) return
  // Before the driver's own listener, which calls back whoever waits for the answer.
  client.connection?.prependListener?.('readyForQuery', message => void statuses.set(client, message?.status))
}

/** True when the session was in a transaction after the server's last answer. */
export function isInTransaction(client: StatusClient): boolean {
  const status = client.getTransactionStatus === undefined ? statuses.get(client) : client.getTransactionStatus()
  return status === 'T' || status === 'E'
}
