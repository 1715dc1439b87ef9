import { defineErrors, type ErrorTable } from '../../core/index.ts'

type AdvisorErrorCode =
  | 'HF_PG_STATEMENTS_MISSING'
  | 'HF_PG_FINDING_UNKNOWN'
  | 'HF_PG_FINDING_STATE'
  | 'HF_PG_NOT_ALLOWED'
  | 'HF_PG_PLANT_INVALID'
  | 'HF_PG_INDEX_EXISTS'
  | 'HF_PG_INDEX_LEFTOVER'
  | 'HF_PG_NOT_DIRECT'
  | 'HF_PG_APPLY_BUSY'
  | 'HF_PG_APPLY_BLOCKED'
  | 'HF_PG_APPLY_LOCKED'
  | 'HF_PG_APPLY_TIMEOUT'
  | 'HF_PG_APPLY_TOO_LARGE'
  | 'HF_PG_APPLY_FAILED'
  | 'HF_PG_APPLY_MANUAL'
  | 'HF_PG_APPLY_OUTDATED'
  | 'HF_PG_REVERT_IMPOSSIBLE'

/** Errors of the advisor. */
export const advisorErrors: ErrorTable<AdvisorErrorCode> = defineErrors<AdvisorErrorCode>({
  HF_PG_STATEMENTS_MISSING: {
    summary: 'pg_stat_statements, from which the workload is read, is not there.',
    hint: "1. in postgresql.conf: shared_preload_libraries = 'pg_stat_statements'  2. restart PostgreSQL  3. in this database: CREATE EXTENSION pg_stat_statements;",
    retryable: false,
  },
  HF_PG_FINDING_UNKNOWN: {
    summary: 'There is no finding with this id in this database.',
    hint: '`holdfast advise` lists the findings and their ids',
    retryable: false,
    status: 404,
  },
  HF_PG_FINDING_STATE: {
    summary: 'The finding is in a state in which this action makes no sense, for example verify before apply.',
    hint: '`holdfast explain <id>` shows its state and history',
    retryable: false,
  },
  HF_PG_NOT_ALLOWED: {
    summary: 'The role lacks a right that the action needs; the message names it.',
    hint: 'grant the right that the message names, or connect as a role that has it',
    retryable: false,
    status: 403,
  },
  HF_PG_PLANT_INVALID: {
    summary: 'An index was asked for on a table or column that does not exist.',
    hint: 'check the names; columns are written as in the catalog, without quotes',
    retryable: false,
  },
  HF_PG_INDEX_EXISTS: {
    summary: 'A valid index, or another relation, has the name already.',
    hint: 'run `holdfast advise` again: the finding may be out of date',
    retryable: false,
  },
  HF_PG_INDEX_LEFTOVER: {
    summary: 'A failed build left an INVALID index that could not be dropped in time. PostgreSQL keeps maintaining it on every write.',
    hint: 'end the transaction that is in the way, then run the DROP INDEX CONCURRENTLY that the message names, or apply again',
    retryable: true,
  },
  HF_PG_NOT_DIRECT: {
    summary:
      "The connection goes through a pooler that hands sessions out by transaction: time-outs and locks of the change would be lost, or be somebody else's.",
    hint: 'give the URL of the server itself, for example in DATABASE_URL, instead of that of the pooler',
    retryable: false,
  },
  HF_PG_APPLY_BUSY: {
    summary: 'Another apply or revert is running in this database.',
    hint: 'wait until it has ended; one index is built at a time',
    retryable: true,
  },
  HF_PG_APPLY_BLOCKED: {
    summary: 'A transaction older than the lock time-out is open; the build would wait for it and fail. Nothing was changed.',
    hint: 'end the transactions that the message names, or apply with a longer lock time-out',
    retryable: true,
  },
  HF_PG_APPLY_LOCKED: {
    summary: 'A lock could not be had within the lock time-out. What was begun has been undone.',
    hint: 'apply again when no long transaction runs, or with a longer lock time-out',
    retryable: true,
  },
  HF_PG_APPLY_TIMEOUT: {
    summary: 'The statement ran longer than the statement time-out. What was begun has been undone.',
    hint: 'apply at a quieter time, or with a longer statement time-out',
    retryable: true,
  },
  HF_PG_APPLY_TOO_LARGE: {
    summary: 'The index would take more room on disk than it may. Nothing was changed.',
    hint: 'see that the disk has the room twice over, then apply with a larger maxIndexSize (`holdfast apply <id> --max-index-size 40gb`)',
    retryable: false,
  },
  HF_PG_APPLY_FAILED: {
    summary: 'PostgreSQL refused the change for another reason, which the message gives. What was begun has been undone.',
    hint: 'the cause holds the error of the server',
    retryable: false,
  },
  HF_PG_APPLY_MANUAL: {
    summary: 'The finding asks for a change that Holdfast does not make: of a program, a setting, or one that would stop reads and writes.',
    hint: 'the message says why; `holdfast explain <id>` shows what to copy',
    retryable: false,
  },
  HF_PG_APPLY_OUTDATED: {
    summary:
      'What the finding is about changed after it was judged: it was read, rebuilt, dropped, or made part of a constraint. Nothing was changed.',
    hint: 'run `holdfast advise` again; it judges what is there now',
    retryable: false,
  },
  HF_PG_REVERT_IMPOSSIBLE: {
    summary: 'The change leaves nothing that could be undone, as VACUUM and ANALYZE.',
    hint: 'nothing has to be done; `holdfast verify <id>` says whether it helped',
    retryable: false,
  },
})
