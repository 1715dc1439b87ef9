import { readFile } from 'node:fs/promises'
import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'

const SCHEMA = new URL('../../../../../../examples/leads/data/schema.sql', import.meta.url)

/** 20 agents, 200 leads and 300 assignments, the same in every database; after the indexes, so that ids go on behind them. */
const ROWS = `
insert into agent (name, state, city, specialisations, rating)
  select 'agent ' || n, 'TX', 'Austin', array['auto', 'home']::insurance_type[], (n % 5) from generate_series(1, 20) n;
insert into lead (status, insurance_type, quality_score, zip_code, source, contact_name, created_at)
  select 'new', 'auto', n % 100, '7870' || n % 10, 'web', 'contact ' || n, '2026-01-01T00:00:00Z'::timestamptz + n * interval '1 minute'
  from generate_series(1, 200) n;
insert into lead_assignment (lead_id, agent_id, assigned_at)
  select 1 + n % 200, 1 + n % 20, '2026-02-01T00:00:00Z'::timestamptz + n * interval '1 minute' from generate_series(1, 300) n;
analyze;`

/** A database with the schema of examples/leads and a few rows. */
export async function leadsDatabase(name: string): Promise<ClonedDatabase> {
  const database = await cloneDatabase({ name })
  const client = new pg.Client({ connectionString: database.url })
  await client.connect()
  await client.query(await readFile(SCHEMA, 'utf8'))
  await client.query(ROWS)
  await client.end()
  return database
}
