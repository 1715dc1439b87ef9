import { defineErrors, type ErrorTable } from '../../core/index.ts'

type MigrationErrorCode = 'HF_PG_MIGRATION_BUSY' | 'HF_PG_MIGRATION_FAILED' | 'HF_PG_SCHEMA_TAMPERED' | 'HF_PG_SCHEMA_NEWER' | 'HF_PG_READ_ONLY'

/** Errors of the migrations of schema `holdfast`. */
export const migrationErrors: ErrorTable<MigrationErrorCode> = defineErrors<MigrationErrorCode>({
  HF_PG_MIGRATION_BUSY: {
    summary: 'Another process brings schema holdfast up to date and did not end within 5 s.',
    hint: 'try again; if it lasts, look for a transaction that holds an advisory lock in pg_locks',
    retryable: true,
  },
  HF_PG_MIGRATION_FAILED: {
    summary: 'PostgreSQL refused a migration of schema holdfast. All of it was rolled back.',
    hint: 'the cause holds the error of the server; `holdfast db schema` prints the SQL',
    retryable: false,
  },
  HF_PG_SCHEMA_TAMPERED: {
    summary: 'A migration that schema holdfast records is not the one of this version: its checksum or name differs, or one is missing in between.',
    hint: 'restore the rows of holdfast.migration, or find out who changed them; nothing was changed now',
    retryable: false,
  },
  HF_PG_SCHEMA_NEWER: {
    summary: 'Schema holdfast was brought up to date by a newer version of Holdfast than this one.',
    hint: 'update this process to the version that the others run',
    retryable: false,
  },
  HF_PG_READ_ONLY: {
    summary: 'The server, or the session, accepts no writes: a standby, or default_transaction_read_only.',
    hint: 'connect to the primary',
    retryable: true,
  },
})
