import { defineErrors, type ErrorTable } from '../core/index.ts'

type PgErrorCode = 'HF_PG_ALREADY_OBSERVED' | 'HF_PG_COMMIT_UNKNOWN' | 'HF_PG_TRANSACTION_ABORTED' | 'HF_PG_TRANSACTION_CLOSED'

/** Errors of `postgres`. The driver's own errors pass through as they are. */
export const pgErrors: ErrorTable<PgErrorCode> = defineErrors<PgErrorCode>({
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
