import { startServices } from '@holdfast/dev-services'
import { cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { prepareDataset } from '../../src/demo/dataset.ts'

async function query(url: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

describe('the data of the demo', () => {
  it('is refused by a role that may not create databases, with the grant that it lacks', async () => {
    const database = await cloneDatabase({ name: 'poor' })
    await query(database.url, `create role demo_poor login password 'hunter2'`)
    const url = Object.assign(new URL(database.url), { username: 'demo_poor', password: 'hunter2' }).href
    try {
      await expect(prepareDataset(url)).rejects.toMatchObject({ code: 'HF_CLI_NO_DATABASE', hint: expect.stringContaining('CREATEDB') })
    } finally {
      await query(database.url, 'drop role demo_poor')
      await database.drop()
    }
  })

  it('is not made on a server that does not count statements, because the loop could not end', async () => {
    const { DATABASE_URL: _given, ...env } = process.env
    await using services = await startServices({ env, only: ['postgres'], durable: false, postgresSettings: { shared_preload_libraries: '' } })
    await expect(prepareDataset(services.postgres.url)).rejects.toMatchObject({
      code: 'HF_PG_STATEMENTS_MISSING',
      hint: expect.stringContaining('shared_preload_libraries'),
    })
  }, 60_000)
})
