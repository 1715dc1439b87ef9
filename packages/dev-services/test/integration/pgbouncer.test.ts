import { startPgBouncer } from '@holdfast/dev-services'
import pg from 'pg'
import { expect, it } from 'vitest'
import { temporaryFolder } from '../temporary-folder.ts'

it('starts a PgBouncer that statements go through, and ends it', async () => {
  const pooler = await startPgBouncer({ url: process.env.HOLDFAST_TEST_PG_URL! })
  expect(pooler.version).toMatch(/^1\.\d+/)
  const client = new pg.Client(pooler.url)
  await client.connect()
  expect((await client.query('select 1 as n')).rows).toEqual([{ n: 1 }])
  await client.end()
  await pooler.stop()
  await pooler.stop()
  await expect(new pg.Client(pooler.url).connect()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

it('says HF_PG_POOLER_UNOBTAINABLE where none can be had', async () => {
  const env = { PATH: temporaryFolder(), XDG_CACHE_HOME: temporaryFolder() }
  await expect(startPgBouncer({ url: process.env.HOLDFAST_TEST_PG_URL!, env })).rejects.toMatchObject({ code: 'HF_PG_POOLER_UNOBTAINABLE' })
})
