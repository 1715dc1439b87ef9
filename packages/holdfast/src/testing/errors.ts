import { defineErrors, type ErrorTable } from '../core/index.ts'

type TestingErrorCode = 'HF_PG_NOTHING_OBSERVED' | 'HF_PG_QUERIES_UNEXPECTED'

/** Errors of `holdfast/testing`, thrown in tests. */
export const testingErrors: ErrorTable<TestingErrorCode> = defineErrors<TestingErrorCode>({
  HF_PG_NOTHING_OBSERVED: {
    summary: '`expectQueries` ran while no pool of this process was observed, so it would have counted nothing whatever was sent.',
    hint: 'start holdfast({ pg: pool }) with the pool that the code under test uses, before the check',
    retryable: false,
  },
  HF_PG_QUERIES_UNEXPECTED: {
    summary: 'The code under test sent more statements than `expectQueries` allows, or repeated one with other parameters.',
    hint: 'load the rows of a loop with one statement (= any($1), a join or a DataLoader); or raise `max` with a reason',
    retryable: false,
  },
})
