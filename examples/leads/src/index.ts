export { SEED_NEWEST_AT, type SeedOptions, type SeedResult, type SeedSize, seedLeads } from './seed-leads.ts'

/** Tables and indexes, one file. */
export const schemaPath: URL = new URL('../data/schema.sql', import.meta.url)
/** The module that makes the rows: when it or the schema changes, a database seeded before is out of date. */
export const seedPath: URL = new URL('../dist/seed-leads.js', import.meta.url)
/** A working day, for `holdfast load run` and `@holdfast/load`. Written for the size `demo`. */
export const scenarioPath: URL = new URL('../load/leads.yaml', import.meta.url)
/** The service, built. Its environment is in README.md. */
export const serverPath: URL = new URL('../dist/server.js', import.meta.url)
/** A process that works the queues of the service, built. */
export const workerPath: URL = new URL('../dist/worker.js', import.meta.url)
