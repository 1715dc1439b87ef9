import { defineErrors, type ErrorTable } from '../../core/index.ts'

type ViewErrorCode =
  | 'HF_PG_VIEW_BUSY'
  | 'HF_PG_VIEW_FAILED'
  | 'HF_PG_VIEW_KIND'
  | 'HF_PG_VIEW_LOCKED'
  | 'HF_PG_VIEW_NO_UNIQUE_INDEX'
  | 'HF_PG_VIEW_TIMEOUT'
  | 'HF_PG_VIEW_UNKNOWN'

/** Errors of refreshing materialized views. After each of them the view is as it was, and no lock is left. */
export const viewErrors: ErrorTable<ViewErrorCode> = defineErrors<ViewErrorCode>({
  HF_PG_VIEW_BUSY: {
    summary: 'Another process refreshes this view now.',
    hint: 'wait for its end; `holdfast db views` shows since when',
    retryable: true,
  },
  HF_PG_VIEW_FAILED: {
    summary: 'PostgreSQL refused the refresh for a reason that the message gives, or the connection was lost. The view is as it was.',
    hint: 'run the query of the view by hand to see where it fails; the cause holds the error of the server',
    retryable: false,
  },
  HF_PG_VIEW_KIND: {
    summary: 'The relation is not a materialized view.',
    hint: '`holdfast db views` lists those that there are',
    retryable: false,
  },
  HF_PG_VIEW_LOCKED: {
    summary: 'A lock on the view could not be had within the lock time-out.',
    hint: 'end the transaction that holds it (`holdfast db locks`), or set a longer lockTimeout',
    retryable: true,
  },
  HF_PG_VIEW_NO_UNIQUE_INDEX: {
    summary: 'The view has no unique index over all its rows, without which a refresh would block its readers.',
    hint: 'run the CREATE UNIQUE INDEX that the message names, once its columns are sure to be unique',
    retryable: false,
  },
  HF_PG_VIEW_TIMEOUT: {
    summary: 'The refresh took longer than the statement time-out and was given up.',
    hint: 'make the query of the view faster (`holdfast explain --sql`), or set a longer statementTimeout',
    retryable: true,
  },
  HF_PG_VIEW_UNKNOWN: {
    summary: 'No view of this name is registered.',
    hint: 'use one of the names that the message lists',
    retryable: false,
  },
})
