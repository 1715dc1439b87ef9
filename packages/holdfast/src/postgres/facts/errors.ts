import { defineErrors, type ErrorTable } from '../../core/index.ts'

type FactsErrorCode = 'HF_PG_TABLE_UNKNOWN' | 'HF_PG_FACTS_AWAY' | 'HF_PG_FACTS_TIMEOUT'

/** Errors of reading facts about a database. */
export const factsErrors: ErrorTable<FactsErrorCode> = defineErrors<FactsErrorCode>({
  HF_PG_TABLE_UNKNOWN: {
    summary: 'There is no table or materialized view of this name in the database, or several schemas have one.',
    hint: 'write it as schema.name, in double quotes where the name has capitals or dots; `holdfast db stats` lists the tables',
    retryable: false,
    status: 404,
  },
  HF_PG_FACTS_AWAY: {
    summary: 'PostgreSQL did not answer when it was asked for facts about the database.',
    hint: 'see the cause in the message: is the server up, reachable from here, and the connection string right?',
    retryable: true,
  },
  HF_PG_FACTS_TIMEOUT: {
    summary: 'Facts about the database were not had within the time that reading them may take, or behind a lock. Nothing was changed.',
    hint: 'ask again; `holdfast db locks` shows who holds a lock',
    retryable: true,
  },
})
