/** The part of a client by which it is known whether its session is in a transaction. */
export interface StatusClient {
  /** `I` idle, `T` in a transaction, `E` in a failed one. Absent in `pg` before 8.21. */
  getTransactionStatus?(): string | null
  /** False from a statement's sending to the server's word that it is ready. */
  readonly readyForQuery?: boolean
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
  const status = statusOf(client)
  return status === 'T' || status === 'E'
}

/** True when the session is in none; false where nobody knows, as while statements that nobody awaited are under way. */
export function isOutsideTransaction(client: StatusClient): boolean {
  return statusOf(client) === 'I' && client.readyForQuery !== false
}

function statusOf(client: StatusClient): string | null | undefined {
  return client.getTransactionStatus === undefined ? statuses.get(client) : client.getTransactionStatus()
}
