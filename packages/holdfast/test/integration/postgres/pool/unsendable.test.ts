import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { createPool, type HoldfastPool } from 'holdfast/postgres'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let database: ClonedDatabase
let pool: HoldfastPool<pg.Pool>

beforeAll(async () => {
  database = await cloneDatabase({ name: 'pool_unsendable' })
  pool = createPool(pg, { connectionString: database.url, max: 1 })
})
afterAll(async () => {
  await pool.end()
  await database.drop()
})

const refuses = {
  toPostgres(): never {
    throw new Error('not today')
  },
}

describe('what the driver refuses to send', () => {
  it.each([
    ['a value that cannot be serialised', () => pool.query('select $1::text', [refuses]), 'not today'],
    ['values that are no list', () => pool.query('select 1', 'x' as never), 'Query values must be an array'],
    ['a query without a text', () => pool.query({} as never), 'either text or a name'],
  ])('%s fails with the error of the driver, not as a lost connection', async (_, send, reason) => {
    const error = await send().then(
      () => undefined,
      (failure: Error) => failure,
    )
    expect(error).toMatchObject({ message: expect.stringContaining(reason) })
    expect((error as { code?: string }).code).toBeUndefined()
  })

  it('is answered once, though the driver calls back twice, and the pool serves on', async () => {
    const answers: string[] = []
    const asked = Array.from(
      { length: 6 },
      (_, n) =>
        new Promise<void>(resolve =>
          pool.query('select $1::text as n', [n % 2 === 0 ? refuses : `${n}`], (error, result) => {
            answers.push(error ? error.message : result.rows[0].n)
            resolve()
          }),
        ),
    )
    await Promise.all(asked)
    expect((await pool.query('select 7 as n')).rows).toEqual([{ n: 7 }])
    expect(answers.sort()).toEqual(['1', '3', '5', 'not today', 'not today', 'not today'])
  })

  it('ran into a time-out of the driver: its own error, by which nobody took the connection for lost', async () => {
    await expect(pool.query({ text: 'select pg_sleep(1)', query_timeout: 50 } as pg.QueryConfig)).rejects.toMatchObject({
      message: 'Query read timeout',
    })
  })
})
