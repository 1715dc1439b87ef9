import { defineErrors, type ErrorTable } from '../../core/index.ts'

type ArchiveErrorCode =
  | 'HF_PG_ARCHIVE_BUSY'
  | 'HF_PG_ARCHIVE_CONFLICT'
  | 'HF_PG_ARCHIVE_EVERYTHING'
  | 'HF_PG_ARCHIVE_FAILED'
  | 'HF_PG_ARCHIVE_LAGGING'
  | 'HF_PG_ARCHIVE_LOCKED'
  | 'HF_PG_ARCHIVE_NO_KEY'
  | 'HF_PG_ARCHIVE_PARTITIONS'
  | 'HF_PG_ARCHIVE_POLICY'
  | 'HF_PG_ARCHIVE_POLICY_UNKNOWN'
  | 'HF_PG_ARCHIVE_REFERENCED'
  | 'HF_PG_ARCHIVE_SLOW'
  | 'HF_PG_ARCHIVE_TARGET'

/** Errors of the archive. Whatever was archived before one of them stays archived, and the next run of the policy goes on from there. */
export const archiveErrors: ErrorTable<ArchiveErrorCode> = defineErrors<ArchiveErrorCode>({
  HF_PG_ARCHIVE_BUSY: {
    summary: 'Another process runs this policy in this database.',
    hint: 'wait for its end; `holdfast db archive` shows how far it is',
    retryable: true,
  },
  HF_PG_ARCHIVE_CONFLICT: {
    summary:
      'The archive table holds another row under the key of a row to be moved, or a constraint of it refuses the row. The batch was rolled back.',
    hint: 'look at the row in both tables: the key was used twice; remove one of them, or archive into another table',
    retryable: false,
  },
  HF_PG_ARCHIVE_EVERYTHING: {
    summary: 'The policy would leave no row in the table. Nothing was changed.',
    hint: 'check the age and the condition; set allowEverything (--allow-everything) when the table is meant to end empty',
    retryable: false,
  },
  HF_PG_ARCHIVE_FAILED: {
    summary:
      'PostgreSQL refused a step of the archive for a reason that the message gives, or the connection was lost. The batch took effect whole or not at all.',
    hint: 'run the policy again: it goes on where it was; the cause holds the error',
    retryable: true,
  },
  HF_PG_ARCHIVE_LAGGING: {
    summary: 'A replica stayed behind for longer than the archive waits for it.',
    hint: 'see why the replica that the message names does not keep up; run the policy again then, and it goes on where it was',
    retryable: true,
  },
  HF_PG_ARCHIVE_LOCKED: {
    summary: 'A lock on the table could not be had in many short attempts. Nobody was blocked by them.',
    hint: 'end the transaction or the DDL that holds the table; `holdfast db locks` shows it; run the policy again then',
    retryable: true,
  },
  HF_PG_ARCHIVE_NO_KEY: {
    summary: 'The table has no primary key, by which the archive goes through it.',
    hint: 'add a primary key: CREATE UNIQUE INDEX CONCURRENTLY, then ALTER TABLE ... ADD PRIMARY KEY USING INDEX',
    retryable: false,
  },
  HF_PG_ARCHIVE_PARTITIONS: {
    summary: 'The old partitions of the table cannot be detached without blocking it, for the reason that the message gives. Nothing was changed.',
    hint: 'mend what the message names; a condition (where) in the policy makes the archive go by rows instead',
    retryable: false,
  },
  HF_PG_ARCHIVE_POLICY: {
    summary:
      'A policy does not fit the table: a column that is not there or has no time, a condition that PostgreSQL does not take, or a relation that is no table.',
    hint: 'correct the policy as the message says; nothing was changed',
    retryable: false,
  },
  HF_PG_ARCHIVE_POLICY_UNKNOWN: {
    summary: 'There is no archive policy of this name.',
    hint: 'use one of the names that the message lists',
    retryable: false,
    status: 404,
  },
  HF_PG_ARCHIVE_REFERENCED: {
    summary: 'A foreign key of another table refers to the rows that the policy would remove. Nothing was removed from that table.',
    hint: "archive the referencing table first and set referenced: 'skip' (--skip-referenced), which leaves rows that are still referred to",
    retryable: false,
  },
  HF_PG_ARCHIVE_SLOW: {
    summary: 'Even the smallest step takes longer than rows may stay locked, so that it was given up. Nothing of that step took effect.',
    hint: 'look for a foreign key without an index on the table that refers to this one, for slow triggers, or for an overloaded server; or raise maxLockTime',
    retryable: true,
  },
  HF_PG_ARCHIVE_TARGET: {
    summary: 'The archive table does not fit the table: a column is missing or of another type, or it has no key to tell copied rows by.',
    hint: 'run the SQL that the message names, or archive into another table',
    retryable: false,
  },
})
