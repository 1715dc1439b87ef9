import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { createRequestScope, type RequestScope, runInRequestScope } from 'holdfast/core'
import { type HoldfastPg, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'

let database: ClonedDatabase
let pool: pg.Pool
let watched: HoldfastPg<pg.Pool>

beforeAll(async () => {
  database = await cloneDatabase({ name: 'scopes' })
})
afterAll(() => database.drop())
beforeEach(async () => {
  pool = new pg.Pool({ connectionString: database.url, max: 1 })
  watched = observePool(pool, { registry: createRegistry() })
  await watched.start()
})
afterEach(async () => {
  await watched.stop()
  await pool.end()
})

/** Runs 300 requests at once over one connection; the request of index i runs 1 + i % 4 statements. */
async function serve(request: (index: number, statement: () => Promise<unknown>) => Promise<unknown>): Promise<readonly RequestScope[]> {
  const scopes = Array.from({ length: 300 }, createRequestScope)
  await Promise.all(scopes.map((scope, index) => runInRequestScope(scope, () => request(index, () => pool.query('select $1::int', [index])))))
  return scopes
}

describe('300 requests over a pool of one connection', () => {
  const expected = Array.from({ length: 300 }, (_, index) => 1 + (index % 4))
  const counts = (scopes: readonly RequestScope[]): number[] => scopes.map(scope => scope.statementCount)

  it('blames every pool.query on its own request', async () => {
    const scopes = await serve(async (index, statement) => {
      for (let n = 0; n < 1 + (index % 4); n++) await statement()
    })
    expect(counts(scopes)).toEqual(expected)
    expect(scopes.every(scope => scope.pgMs > 0)).toBe(true)
  })

  it('blames statements sent at once on their own request', async () => {
    const scopes = await serve((index, statement) => Promise.all(Array.from({ length: 1 + (index % 4) }, statement)))
    expect(counts(scopes)).toEqual(expected)
  })

  it('blames every statement of a checked-out client on the request that checked it out', async () => {
    const scopes = await serve(async index => {
      const client = await pool.connect()
      for (let n = 0; n < 1 + (index % 4); n++) await client.query('select 1')
      client.release()
    })
    expect(counts(scopes)).toEqual(expected)
  })

  it('blames callbacks on their own request', async () => {
    const scopes = await serve(index => new Promise(resolve => pool.query('select $1::int', [index], resolve)))
    expect(counts(scopes)).toEqual(scopes.map(() => 1))
  })

  it('counts the wait in the queue apart from the time in PostgreSQL', async () => {
    const scopes = await serve((_, statement) => statement())
    const waits = scopes.map(scope => scope.poolWaitMs)
    expect(waits.at(-1)).toBeGreaterThan(waits[1]!)
    const inPostgres = scopes.reduce((sum, scope) => sum + scope.pgMs, 0)
    // One connection: what the last request waited is the time of the others, so its own share is small.
    expect(scopes.at(-1)!.pgMs).toBeLessThan(inPostgres / 10)
    const [statement] = watched.statements()
    expect(statement!.waitMs).toBeCloseTo(
      waits.reduce((sum, wait) => sum + wait, 0),
      3,
    )
    expect(statement!.totalMs).toBeCloseTo(inPostgres, 3)
  })

  it('blames nobody for the statements of background work that waits behind requests', async () => {
    const scope = createRequestScope()
    const inRequest = runInRequestScope(scope, () => pool.query('select pg_sleep(0.01)'))
    const inBackground = pool.query('select 1')
    await Promise.all([inRequest, inBackground])
    expect(scope.statementCount).toBe(1)
  })
})
