import { defineErrors, type ErrorTable } from '../core/index.ts'

type PgErrorCode =
  | 'HF_PG_ACQUIRE_TIMEOUT'
  | 'HF_PG_ALREADY_OBSERVED'
  | 'HF_PG_COMMIT_UNKNOWN'
  | 'HF_PG_CONNECT_FAILED'
  | 'HF_PG_CONNECTION_LOST'
  | 'HF_PG_LOGIN_REFUSED'
  | 'HF_PG_NO_REQUEST'
  | 'HF_PG_OPEN_TRANSACTION'
  | 'HF_PG_POOL_ENDED'
  | 'HF_PG_QUEUE_FULL'
  | 'HF_PG_SERVER_FULL'
  | 'HF_PG_TRANSACTION_ABORTED'
  | 'HF_PG_TRANSACTION_ENDED'
  | 'HF_PG_TRANSACTION_CLOSED'

/** Errors of `postgres`. The driver's own errors pass through as they are. */
export const pgErrors: ErrorTable<PgErrorCode> = defineErrors<PgErrorCode>({
  HF_PG_ACQUIRE_TIMEOUT: {
    summary: 'No connection of the pool became free in time; the message names who holds one for longest, and since when.',
    hint: 'look at the code named in the message: it may do other work while it holds the connection; only then think of a larger pool',
    retryable: true,
  },
  HF_PG_ALREADY_OBSERVED: {
    summary: 'The pool is observed by another instance already; each statement would be counted twice.',
    hint: 'share one instance for each pool, or stop the first one before the second starts',
    retryable: false,
  },
  HF_PG_COMMIT_UNKNOWN: {
    summary: 'The connection was lost while COMMIT was under way, so nobody on this side knows whether the transaction took effect.',
    hint: 'read what the transaction should have written before doing it again',
    retryable: false,
  },
  HF_PG_CONNECT_FAILED: {
    summary: 'No connection to PostgreSQL could be opened in the time that a caller waits; the pool goes on trying when it is asked.',
    hint: 'see the cause: is the server up and reachable from here, and has it connections left (53300)?',
    retryable: true,
  },
  HF_PG_CONNECTION_LOST: {
    summary: 'The connection broke while a statement of `pool.query` was under way; nobody on this side knows whether it took effect.',
    hint: 'a read may simply be sent again; before a write is, read what it should have written',
    retryable: false,
  },
  HF_PG_LOGIN_REFUSED: {
    summary: 'PostgreSQL refused the role, the password or the database.',
    hint: 'correct the connection string; until then every caller of the pool fails at once',
    retryable: false,
  },
  HF_PG_NO_REQUEST: {
    summary: 'A token was to hold for the reads of a request, and there is no request.',
    hint: 'mount the adapter first (`app.use(express(hf))`), or give the token to the read itself: hf.pg.read(text, values, { after: token })',
    retryable: false,
  },
  HF_PG_OPEN_TRANSACTION: {
    summary: 'A client was given back to the pool inside an open transaction; what it had written was rolled back. Logged, not thrown.',
    hint: 'use hf.pg.transaction(), or put ROLLBACK before release() on every path out of the function',
    retryable: false,
  },
  HF_PG_POOL_ENDED: {
    summary: 'A connection was asked of a pool after its end() was called. Callers that waited before are still served.',
    hint: 'end the pool after everything that uses it',
    retryable: false,
  },
  HF_PG_QUEUE_FULL: {
    summary: 'As many callers wait for a connection as the pool lets wait, so the next one fails at once.',
    hint: 'shed load before it reaches the pool, and look at the holder that the message names',
    retryable: true,
  },
  HF_PG_SERVER_FULL: {
    summary:
      'A pool gave a new connection back, because the server has fewer left than `serverReserve`; what the pool has goes on serving. Logged, not thrown.',
    hint: 'lower `max` or the number of instances, or put a pooler before PostgreSQL; more `max_connections` seldom make it faster',
    retryable: true,
  },
  HF_PG_TRANSACTION_ENDED: {
    summary: 'The work of a transaction sent COMMIT or ROLLBACK itself, so that what it did afterwards was no part of it.',
    hint: 'throw to roll back, return to commit; for a part that may fail use tx.transaction()',
    retryable: false,
  },
  HF_PG_TRANSACTION_ABORTED: {
    summary: 'The transaction was rolled back at COMMIT, because a statement in it had failed and its error was swallowed.',
    hint: 'let the error of the failed statement pass, or put the statement that may fail into a nested tx.transaction()',
    retryable: false,
  },
  HF_PG_TRANSACTION_CLOSED: {
    summary: 'A transaction was used after it had ended; its connection may serve somebody else by now.',
    hint: 'await every statement inside the function given to transaction()',
    retryable: false,
  },
})
