import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { createPool, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { callingForms } from './calling-forms.ts'

let database: ClonedDatabase
const pools: pg.Pool[] = []

beforeAll(async () => {
  database = await cloneDatabase({ name: 'forms' })
})
afterEach(() => Promise.all(pools.splice(0).map(pool => pool.end())))
afterAll(() => database.drop())

function openOwnPool(): pg.Pool {
  const pool = createPool(pg, { connectionString: database.url, max: 1 })
  pools.push(pool)
  return pool
}

function openPool(url: string = database.url): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: 1 })
  pools.push(pool)
  return pool
}

describe('every calling form gives over the observed pool what it gives over raw pg', () => {
  for (const form of callingForms) {
    it(`${form.name}: also when the connection is older than the hook`, async () => {
      const raw = openPool()
      // The raw driver ends the process for a connection lost without a listener; here one stands in.
      raw.on('error', () => undefined)
      const expected = await form.run(raw)

      const fresh = await observed(openPool())
      expect(await form.run(fresh.pool)).toEqual(expected)
      expect(fresh.callCount()).toBe(form.statementCount)

      const used = openPool()
      await used.query('select')
      const older = await observed(used)
      expect(await form.run(older.pool)).toEqual(expected)
      expect(older.callCount()).toBe(form.statementCount)
      await Promise.all([fresh.stop(), older.stop()])
    })

    it(`${form.name}: over a pool of ours, observed and not`, async () => {
      const raw = openPool()
      raw.on('error', () => undefined)
      const expected = await form.run(raw)
      expect(await form.run(openOwnPool())).toEqual(expected)
      const watched = await observed(openOwnPool())
      expect(await form.run(watched.pool)).toEqual(expected)
      expect(watched.callCount()).toBe(form.statementCount)
      await watched.stop()
    })
  }

  it('hands on the failure to connect, by promise and by callback', async () => {
    const nowhere = 'postgres://nobody@127.0.0.1:1/none'
    const raw = openPool(nowhere)
    const watched = await observed(openPool(nowhere))
    const outcomes = (pool: pg.Pool): Promise<unknown[]> =>
      Promise.all([
        pool.query('select 1').catch(error => [error.constructor, error.code, error.message]),
        pool.connect().catch(error => [error.constructor, error.code, error.message]),
        new Promise(resolve => pool.connect(error => resolve((error as NodeJS.ErrnoException).code))),
      ])
    expect(await outcomes(watched.pool)).toEqual(await outcomes(raw))
    await watched.stop()
  })
})

async function observed(pool: pg.Pool): Promise<{ pool: pg.Pool; callCount: () => number; stop: () => Promise<void> }> {
  const watched = observePool(pool, { registry: createRegistry() })
  await watched.start()
  return {
    pool,
    callCount: () => watched.statements().reduce((sum, statement) => sum + statement.callCount, 0),
    stop: () => watched.stop(),
  }
}
