import { defineErrors, type ErrorTable } from '../../core/index.ts'

type MaintenanceErrorCode =
  | 'HF_PG_VACUUM_BLOCKED'
  | 'HF_PG_VACUUM_BUSY'
  | 'HF_PG_VACUUM_FAILED'
  | 'HF_PG_VACUUM_KIND'
  | 'HF_PG_VACUUM_LOCKED'
  | 'HF_PG_VACUUM_TIMEOUT'

/** Errors of maintenance. */
export const maintenanceErrors: ErrorTable<MaintenanceErrorCode> = defineErrors<MaintenanceErrorCode>({
  HF_PG_VACUUM_BLOCKED: {
    summary: 'A transaction is open for so long that a vacuum could remove little of what died since. Nothing was begun.',
    hint: 'end the transactions that the message names, or allow older ones with maxTransactionAge',
    retryable: true,
  },
  HF_PG_VACUUM_BUSY: {
    summary: 'The table is being vacuumed already, by hand or automatically.',
    hint: 'wait for its end',
    retryable: true,
  },
  HF_PG_VACUUM_FAILED: {
    summary: 'PostgreSQL refused the vacuum for a reason that the message gives, or the connection was lost. What was vacuumed so far stays so.',
    hint: 'the cause holds the error of the server',
    retryable: false,
  },
  HF_PG_VACUUM_KIND: {
    summary: 'The relation has nothing to vacuum: it is no table and no materialized view.',
    hint: '`holdfast db stats` lists the tables',
    retryable: false,
  },
  HF_PG_VACUUM_LOCKED: {
    summary: 'The lock on the table could not be had within the lock time-out. Nothing was begun.',
    hint: 'end what holds it (`holdfast db locks`): DDL, an index build or another ANALYZE; or set a longer lockTimeout',
    retryable: true,
  },
  HF_PG_VACUUM_TIMEOUT: {
    summary: 'The vacuum took longer than its time-out and was cancelled. What was vacuumed so far stays so.',
    hint: 'run it at a quieter time, or with a longer timeout',
    retryable: true,
  },
})
