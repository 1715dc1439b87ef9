import { defineErrors, type ErrorTable } from '../../core/index.ts'

type PlanErrorCode =
  | 'HF_PG_EXPLAIN_SYNTAX'
  | 'HF_PG_EXPLAIN_SEVERAL'
  | 'HF_PG_EXPLAIN_KIND'
  | 'HF_PG_EXPLAIN_NOT_READ_ONLY'
  | 'HF_PG_EXPLAIN_MISSING'
  | 'HF_PG_EXPLAIN_NOT_ALLOWED'
  | 'HF_PG_EXPLAIN_PARAMETERS'
  | 'HF_PG_EXPLAIN_TIMEOUT'
  | 'HF_PG_EXPLAIN_LOCKED'
  | 'HF_PG_EXPLAIN_FAILED'

/** Errors of the analysis of one statement. Whatever the code, nothing was changed: everything runs in a READ ONLY transaction that is rolled back. */
export const planErrors: ErrorTable<PlanErrorCode> = defineErrors<PlanErrorCode>({
  HF_PG_EXPLAIN_SYNTAX: {
    summary: 'The text to explain is not SQL that PostgreSQL can parse, or is empty.',
    hint: 'correct the text at the place that the message names',
    retryable: false,
    status: 400,
  },
  HF_PG_EXPLAIN_SEVERAL: {
    summary: 'The text to explain holds more than one statement. None was planned.',
    hint: 'explain them one at a time',
    retryable: false,
    status: 400,
  },
  HF_PG_EXPLAIN_KIND: {
    summary: 'The statement has no plan: it is neither SELECT, VALUES, INSERT, UPDATE, DELETE nor MERGE.',
    hint: 'give the query itself, without EXPLAIN, PREPARE or DECLARE around it',
    retryable: false,
    status: 400,
  },
  HF_PG_EXPLAIN_NOT_READ_ONLY: {
    summary: 'The statement was to be run and measured, and is not proven to be read-only; the message says what it does. It was not run.',
    hint: 'leave out `analyze` (`--analyze`): the plan is then shown without running it',
    retryable: false,
    status: 400,
  },
  HF_PG_EXPLAIN_MISSING: {
    summary: 'The statement names a table, column, function or type that this database does not have, or not on the search path.',
    hint: 'check the database, the schema and the spelling',
    retryable: false,
    status: 404,
  },
  HF_PG_EXPLAIN_NOT_ALLOWED: {
    summary: 'The role may not plan or run the statement; the message of PostgreSQL names the object.',
    hint: 'GRANT SELECT on the object to the role (for a write the right to write), or connect as a role that has it',
    retryable: false,
    status: 403,
  },
  HF_PG_EXPLAIN_PARAMETERS: {
    summary: 'The parameters do not fit the statement: too few, too many, of another type, or none given where none can be taken from the data.',
    hint: 'give one value for each of $1, $2, ... in order',
    retryable: false,
    status: 400,
  },
  HF_PG_EXPLAIN_TIMEOUT: {
    summary: 'Planning or running the statement took longer than allowed and was cancelled.',
    hint: 'leave out `analyze`, or allow more time (`statementTimeout`, `--timeout`)',
    retryable: true,
  },
  HF_PG_EXPLAIN_LOCKED: {
    summary: 'Somebody holds a lock that keeps even readers off one of the tables; it was not waited for.',
    hint: 'try again when the DDL or LOCK TABLE has ended',
    retryable: true,
  },
  HF_PG_EXPLAIN_FAILED: {
    summary: 'PostgreSQL could not plan or run the statement for another reason, which the message gives.',
    hint: 'the cause holds the error of the server',
    retryable: false,
  },
})
