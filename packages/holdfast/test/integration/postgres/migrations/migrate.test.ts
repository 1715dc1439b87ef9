import { randomBytes } from 'node:crypto'
import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAdvisor } from '../../../../src/postgres/advisor/index.ts'
import { LEDGER_SCHEMA } from '../../../../src/postgres/advisor/sql/ledger-schema.sql.ts'
import { migrateOwnSchema } from '../../../../src/postgres/migrations/migrate.ts'
import { checksumOf } from '../../../../src/postgres/migrations/migration.ts'
import { OWN_MIGRATIONS, ownSchemaSql } from '../../../../src/postgres/migrations/own-schema.ts'
import { CREATE_OUTBOX } from '../../../../src/postgres/sql/outbox-schema.sql.ts'

let database: ClonedDatabase
let admin: pg.Client
const clients: pg.Client[] = []
const roles: string[] = []

async function connect(url = database.url): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  clients.push(client)
  return client
}

beforeEach(async () => {
  database = await cloneDatabase({ name: 'migrate' })
  admin = await connect()
})
afterEach(async () => {
  await Promise.all(clients.splice(0).map(client => client.end().catch(() => undefined)))
  await database.drop()
  const server = new pg.Client({ connectionString: process.env.HOLDFAST_TEST_PG_URL! })
  await server.connect()
  for (const role of roles.splice(0)) await server.query(`drop role "${role}"`)
  await server.end()
})

/** A role that may do nothing yet, with an awkward name, and a connection of it. */
async function ordinaryRole(): Promise<{ role: string; client: pg.Client }> {
  const role = `hf "app" ${randomBytes(4).toString('hex')}`.replaceAll('"', "'")
  roles.push(role)
  await admin.query(`create role "${role}" login password 'p'`)
  const url = new URL(database.url)
  url.username = encodeURIComponent(role)
  url.password = 'p'
  return { role, client: await connect(url.href) }
}

const tables = async (): Promise<string[]> =>
  (await admin.query("select tablename from pg_tables where schemaname = 'holdfast' order by 1")).rows.map(row => row.tablename)
const ALL = [
  'archive_run',
  'audit_log',
  'cdn_bucket',
  'cdn_purge',
  'finding',
  'index_watch',
  'invalidation',
  'job_fence',
  'job_outbox',
  'migration',
  'size_history',
  'view_refresh',
]
/** Version of a migration after all of ours. */
const NEXT = OWN_MIGRATIONS.length + 1

describe('the migrations of schema holdfast', () => {
  it('makes everything once, however many processes start together', async () => {
    const starting = await Promise.all(Array.from({ length: 6 }, () => connect()))
    const applied = await Promise.all(starting.map(client => migrateOwnSchema(client)))
    expect(applied.filter(one => one.length > 0)).toHaveLength(1)
    expect(await tables()).toEqual(ALL)
    const { rows } = await admin.query('select version, name, checksum from holdfast.migration order by version')
    expect(rows).toEqual(OWN_MIGRATIONS.map(one => ({ version: one.version, name: one.name, checksum: checksumOf(one) })))
  })

  it('adopts the tables of versions before it, with what they hold', async () => {
    await admin.query('create schema holdfast')
    for (const statement of [...LEDGER_SCHEMA, CREATE_OUTBOX]) await admin.query(statement)
    await admin.query("insert into holdfast.audit_log (what, finding_id, outcome, duration_ms, detail) values ('apply', 'I-1', 'done', 1, 'old')")
    await admin.query(`insert into holdfast.invalidation (namespace, tags) values ('app', '["a"]')`)
    expect((await migrateOwnSchema(admin)).map(({ name }) => name)).toEqual(OWN_MIGRATIONS.map(({ name }) => name))
    expect(await createAdvisor({ connect: () => connect() }).audit()).toMatchObject([{ findingId: 'I-1', detail: 'old' }])
    expect((await admin.query('select tags from holdfast.invalidation')).rows).toEqual([{ tags: '["a"]' }])
    expect(await migrateOwnSchema(admin)).toEqual([])
  })

  it('applies what a database lacks, in order, and leaves nothing of a migration that fails', async () => {
    await migrateOwnSchema(admin)
    const next = { version: NEXT, name: 'more', tables: ['more'], statements: ['create table holdfast.more (a int)'] }
    const broken = { version: NEXT + 1, name: 'broken', tables: [], statements: ['create table holdfast.half (a int)', 'select 1 / 0'] }
    await expect(migrateOwnSchema(admin, [...OWN_MIGRATIONS, next, broken])).rejects.toMatchObject({ code: 'HF_PG_MIGRATION_FAILED' })
    expect(await tables()).toEqual(ALL)
    expect((await migrateOwnSchema(admin, [...OWN_MIGRATIONS, next])).map(({ version }) => version)).toEqual([NEXT])
    expect(await tables()).toContain('more')
  })

  it('makes a table anew that somebody dropped', async () => {
    await migrateOwnSchema(admin)
    await admin.query('drop table holdfast.invalidation')
    expect(await migrateOwnSchema(admin)).toEqual([])
    expect(await tables()).toEqual(ALL)
  })

  it('HF_PG_SCHEMA_NEWER: is refused by a process that knows less, which changes nothing', async () => {
    await migrateOwnSchema(admin, [...OWN_MIGRATIONS, { version: NEXT, name: 'more', tables: [], statements: [] }])
    await expect(migrateOwnSchema(admin)).rejects.toMatchObject({
      code: 'HF_PG_SCHEMA_NEWER',
      context: { version: NEXT, known: OWN_MIGRATIONS.length },
    })
    await expect(createAdvisor({ connect: () => connect() }).plant({ table: 'none', columns: ['a'] })).rejects.toMatchObject({
      code: 'HF_PG_SCHEMA_NEWER',
    })
  })

  it('HF_PG_SCHEMA_TAMPERED: notices a record that is not of this version, and one that is missing', async () => {
    await migrateOwnSchema(admin)
    await admin.query("update holdfast.migration set checksum = 'other' where version = 2")
    await expect(migrateOwnSchema(admin)).rejects.toMatchObject({ code: 'HF_PG_SCHEMA_TAMPERED', context: { version: 2, name: 'outbox' } })
    await admin.query('delete from holdfast.migration where version = 2')
    await expect(migrateOwnSchema(admin)).rejects.toMatchObject({ code: 'HF_PG_SCHEMA_TAMPERED', context: { version: 3 } })
  })

  it('HF_PG_MIGRATION_BUSY: waits for a bounded time for another process', async () => {
    const other = await connect()
    await other.query("begin; select pg_advisory_xact_lock(hashtextextended('holdfast:schema', 0))")
    await expect(migrateOwnSchema(admin)).rejects.toMatchObject({ code: 'HF_PG_MIGRATION_BUSY', retryable: true })
    await other.query('rollback')
    expect(await migrateOwnSchema(admin)).toHaveLength(OWN_MIGRATIONS.length)
  })

  it('HF_PG_READ_ONLY: says so where nothing may be written', async () => {
    await admin.query('set default_transaction_read_only = on')
    // BEGIN READ WRITE overrides the default; a standby cannot be told so.
    expect(await migrateOwnSchema(admin)).toHaveLength(OWN_MIGRATIONS.length)
    await admin.query('set default_transaction_read_only = on; begin')
    await expect(createAdvisor({ connect: async () => admin }).findings()).resolves.toEqual([])
  })
})

describe('a role without the right to create', () => {
  it('HF_PG_NOT_ALLOWED: hears the grant, or the SQL for another role, which makes it work', async () => {
    const { role, client } = await ordinaryRole()
    const refused = await migrateOwnSchema(client).catch(error => error)
    expect(refused).toMatchObject({ code: 'HF_PG_NOT_ALLOWED', message: expect.stringMatching(/GRANT CREATE ON DATABASE \S+ TO "hf 'app' /) })
    expect(await tables()).toEqual([])

    await admin.query(refused.context.sql)
    expect(await tables()).toEqual(ALL)
    expect(await migrateOwnSchema(client)).toEqual([])
    await client.query("insert into holdfast.audit_log (what, finding_id, outcome, duration_ms, detail) values ('a', 'b', 'c', 1, 'd')")
    // Again does no harm.
    await admin.query(ownSchemaSql(role))
    expect(await migrateOwnSchema(admin)).toEqual([])
  })

  it('HF_PG_NOT_ALLOWED: hears which rights on the schema of another role it lacks', async () => {
    const { role, client } = await ordinaryRole()
    await migrateOwnSchema(admin)
    const grant = expect.stringMatching(/GRANT USAGE ON SCHEMA holdfast TO "hf .*; GRANT SELECT ON ALL TABLES/)
    await expect(migrateOwnSchema(client)).rejects.toMatchObject({ code: 'HF_PG_NOT_ALLOWED', hint: grant })
    await admin.query(`grant usage on schema holdfast to "${role}"; grant select on all tables in schema holdfast to "${role}"`)
    expect(await migrateOwnSchema(client)).toEqual([])
    await admin.query('delete from holdfast.migration where version = $1', [OWN_MIGRATIONS.length])
    await expect(migrateOwnSchema(client)).rejects.toMatchObject({ hint: expect.stringContaining('GRANT USAGE, CREATE ON SCHEMA holdfast') })
  })
})
