import { startDebianPostgres } from '@holdfast/dev-services'
import pg from 'pg'
import { expect, it } from 'vitest'

it('starts the PostgreSQL of the distribution beside the embedded one, and ends it', async () => {
  const server = await startDebianPostgres()
  expect(server.version).toMatch(/^1[4-9]\.\d+/)
  const client = new pg.Client(server.url)
  await client.connect()
  expect((await client.query('select count(*)::int as n from pg_stat_statements')).rows).toMatchObject([{ n: expect.any(Number) }])
  await client.end()
  await server.stop()
  await server.stop()
  await expect(new pg.Client(server.url).connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})
