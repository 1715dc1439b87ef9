import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import express from 'express'
import { type Holdfast, holdfast } from 'holdfast'
import { express as attach } from 'holdfast/express'
import { expectQueries } from 'holdfast/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

let database: ClonedDatabase
let pool: pg.Pool
let hf: Holdfast<pg.Pool>

beforeAll(async () => {
  database = await cloneDatabase({ name: 'expect_queries' })
  pool = new pg.Pool({ connectionString: database.url, max: 2 })
  hf = await holdfast({ pg: pool })
})
afterAll(async () => {
  await hf.stop()
  await pool.end()
  await database.drop()
})

async function loop(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await pool.query('select $1::int as n', [n])
}

describe('expectQueries', () => {
  it('gives back what the code returned when it keeps within the limit', async () => {
    const twice = async (): Promise<number> => {
      await loop(2)
      return 7
    }
    expect(await expectQueries(twice, { max: 2, noNPlusOne: true })).toBe(7)
    expect(await expectQueries(() => 8, { max: 0 })).toBe(8)
  })

  it('throws HF_PG_QUERIES_UNEXPECTED with each statement and its count when there are too many, transactions included', async () => {
    const work = (): Promise<void> => hf.pg.transaction(async tx => void (await tx.query("select 'secret' as one")))
    await expect(expectQueries(work, { max: 2 })).rejects.toMatchObject({
      code: 'HF_PG_QUERIES_UNEXPECTED',
      message: expect.stringMatching(/^3 statements were sent, at most 2 are allowed:\n {4}1 x BEGIN\n {4}1 x select \? as one\n {4}1 x COMMIT$/),
    })
  })

  it('throws for a loop with other parameters, and neither for one with the same ones nor for one that is allowed', async () => {
    await expect(expectQueries(() => loop(6), { noNPlusOne: true })).rejects.toMatchObject({
      code: 'HF_PG_QUERIES_UNEXPECTED',
      message: expect.stringMatching(/1 of the statements were sent in a loop .*\n {4}6 x select \$1::int as n {3}<- N\+1: 6 different sets/),
    })
    const same = async (): Promise<void> => {
      for (let n = 0; n < 6; n++) await pool.query('select $1::int as n', [1])
    }
    await expectQueries(same, { noNPlusOne: true })
  })

  it('tells requests of a server in the same process apart', async () => {
    const app = express().use(attach(hf))
    app.get('/loop/:count', async (request, response) => {
      await loop(Number(request.params.count))
      response.sendStatus(204)
    })
    app.get('/allowed', async (_request, response) => {
      await hf.pg.allowRepeats(() => loop(9))
      response.sendStatus(204)
    })
    const server = createServer(app).listen(0, '127.0.0.1')
    await new Promise(resolve => server.once('listening', resolve))
    const get = (path: string): Promise<Response> => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`)
    // Ten statements in all, but no request sends five.
    await expectQueries(() => Promise.all(Array.from({ length: 5 }, () => get('/loop/2'))), { max: 10, noNPlusOne: true })
    await expectQueries(() => get('/allowed'), { noNPlusOne: true })
    await expect(expectQueries(() => get('/loop/5'), { noNPlusOne: true })).rejects.toMatchObject({ code: 'HF_PG_QUERIES_UNEXPECTED' })
    await expect.poll(() => hf.snapshot().repeats?.map(({ route, callCount }) => [route, callCount])).toEqual([['GET /loop/:count', 5]])
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  })

  it('passes on what the code throws, and counts nothing afterwards', async () => {
    const fails = async (): Promise<void> => {
      await loop(1)
      throw new TypeError('mine')
    }
    await expect(expectQueries(fails, { max: 0 })).rejects.toThrow(new TypeError('mine'))
    await loop(3)
    await expectQueries(() => loop(1), { max: 1 })
  })

  it('throws HF_PG_NOTHING_OBSERVED where it could not have counted', async () => {
    await hf.stop()
    await expect(expectQueries(() => loop(1), { max: 5 })).rejects.toMatchObject({ code: 'HF_PG_NOTHING_OBSERVED' })
  })
})
