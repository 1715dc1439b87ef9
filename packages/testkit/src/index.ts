export { type ClonedDatabase, type CloneOptions, cloneDatabase, TEST_DATABASE_PREFIX } from './clone-database.ts'
export { dropPlainIndexes, type ExampleData, type ExampleIndex, type ExampleStatement, fillExample, readExampleData } from './example-data.ts'
export { type FakeClock, fakeClock } from './fake-clock.ts'
export { stressLifecycle } from './stress-lifecycle.ts'
