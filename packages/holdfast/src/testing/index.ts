export { testingErrors } from './errors.ts'
export { expectQueries, type QueryExpectation } from './expect-queries.ts'
