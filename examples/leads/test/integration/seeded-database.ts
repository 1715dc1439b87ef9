import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { Client } from 'pg'
import { type SeedOptions, type SeedResult, seedLeads } from '../../src/index.ts'

/** A database of its own with the rows of the size `small`. */
export async function seededDatabase(options: SeedOptions = {}): Promise<ClonedDatabase & SeedResult> {
  const database = await cloneDatabase({ name: 'leads' })
  const client = new Client({ connectionString: database.url })
  await client.connect()
  try {
    return { ...database, ...(await seedLeads(sql => client.query(sql), options)) }
  } finally {
    await client.end()
  }
}
