import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { DevServicesError } from '@holdfast/dev-services'
import { schemaPath, seedLeads, seedPath } from '@holdfast-examples/leads'
import { advisorErrors } from 'holdfast/postgres'
import pg from 'pg'
import { cliErrors } from '../errors.ts'

/** The demo's database, filled. */
export interface DemoDataset {
  /** URL of the database that the service uses. */
  readonly url: string
  readonly tables: Readonly<Record<string, number>>
  readonly rows: number
  /** True when the data of an earlier run was used again. */
  readonly reused: boolean
}

/** Databases of the demo: the seeded one, kept between runs, and a copy of it that a run may change. */
const SEEDED_PREFIX = 'holdfast_demo_seed_'
const WORKING_NAME = 'holdfast_demo'
const SEED = 1

/** Where the working database will be. */
export function datasetUrl(adminUrl: string): string {
  return withDatabase(adminUrl, WORKING_NAME)
}

/** Makes the working database: a copy of the seeded one, which is filled first when it is not there or of another version.
 *  A run starts from the same state each time, whatever the run before did to its copy.
 *  @throws HF_CLI_NO_DATABASE when the role may not create databases, HF_PG_STATEMENTS_MISSING when the server does not count statements,
 *  HF_CLI_DISK_FULL when the server's disk is too small for the data */
export async function prepareDataset(adminUrl: string): Promise<DemoDataset> {
  const seededName = `${SEEDED_PREFIX}${await seedVersion()}`
  return withClient(adminUrl, async admin => {
    await assertStatementsCounted(admin)
    const found = await describe(admin, seededName)
    if (found === undefined) await seed(admin, adminUrl, seededName)
    await admin.query(`drop database if exists ${WORKING_NAME} with (force)`)
    await copyDatabase(admin, seededName, WORKING_NAME)
    const tables = found ?? (await describe(admin, seededName)) ?? {}
    return { url: datasetUrl(adminUrl), tables, rows: sum(Object.values(tables)), reused: found !== undefined }
  })
}

async function seed(admin: pg.Client, adminUrl: string, name: string): Promise<void> {
  const { rows: old } = await admin.query<{ datname: string }>(`select datname from pg_database where datname like $1`, [`${SEEDED_PREFIX}%`])
  for (const { datname } of old) await admin.query(`drop database if exists ${pg.escapeIdentifier(datname)} with (force)`)
  // Filled under another name, so that a run killed half-way leaves nothing that looks complete.
  const filling = `${name}_filling`
  await createDatabase(admin, filling)
  const { rows } = await withClient(withDatabase(adminUrl, filling), async client => {
    await createExtension(client)
    return seedLeads(text => client.query(text), { size: 'demo', seed: SEED })
  }).catch(async error => {
    await admin.query(`drop database if exists ${pg.escapeIdentifier(filling)} with (force)`).catch(() => undefined)
    throw diskFull(error) ?? error
  })
  await admin.query(`comment on database ${pg.escapeIdentifier(filling)} is ${pg.escapeLiteral(JSON.stringify(rows))}`)
  await admin.query(`alter database ${pg.escapeIdentifier(filling)} rename to ${pg.escapeIdentifier(name)}`)
}

async function createDatabase(admin: pg.Client, name: string, from = ''): Promise<void> {
  try {
    await admin.query(`create database ${pg.escapeIdentifier(name)} ${from}`)
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw diskFull(error) ?? error
    throw cliErrors.create('HF_CLI_NO_DATABASE', 'the role of DATABASE_URL may not create the demo database', {
      hint: 'grant it with ALTER ROLE ... CREATEDB, or unset DATABASE_URL to use the embedded PostgreSQL',
      cause: error,
    })
  }
}

/** A file copy takes a tenth of the time of the default, which goes through the WAL; PostgreSQL 14 knows no other way. */
async function copyDatabase(admin: pg.Client, from: string, to: string): Promise<void> {
  const { rows } = await admin.query<{ version: number }>(`select current_setting('server_version_num')::int as version`)
  const strategy = rows[0]!.version >= 150_000 ? 'strategy file_copy' : ''
  await createDatabase(admin, to, `template ${pg.escapeIdentifier(from)} ${strategy}`)
}

const STATEMENTS_HINT = "set shared_preload_libraries = 'pg_stat_statements' and restart it, or unset DATABASE_URL to use the embedded PostgreSQL"

/** The library defines this setting only when the server has loaded it at its start. */
async function assertStatementsCounted(admin: pg.Client): Promise<void> {
  const { rows } = await admin.query<{ max: string | null }>(`select current_setting('pg_stat_statements.max', true) as max`)
  if (rows[0]?.max != null) return
  throw advisorErrors.create('HF_PG_STATEMENTS_MISSING', 'the server of DATABASE_URL has not loaded pg_stat_statements', { hint: STATEMENTS_HINT })
}

async function createExtension(client: pg.Client): Promise<void> {
  try {
    await client.query('create extension if not exists pg_stat_statements')
  } catch (error) {
    if (diskFull(error) !== undefined) throw error
    throw advisorErrors.create('HF_PG_STATEMENTS_MISSING', `pg_stat_statements: ${(error as Error).message}`, {
      hint: 'let a superuser run CREATE EXTENSION pg_stat_statements in template1, or unset DATABASE_URL to use the embedded PostgreSQL',
      cause: error,
    })
  }
}

/** SQLSTATE 53100. The server's words name the file. */
function diskFull(error: unknown): DevServicesError | undefined {
  if (sqlStateOf(error) !== '53100') return undefined
  return new DevServicesError('HF_CLI_DISK_FULL', `PostgreSQL has no room for the data of the demo: ${(error as Error).message}`, {
    hint: 'the data, its copy and the write-ahead log take some 400 MB: free them, or set XDG_CACHE_HOME to a folder on a larger disk',
    cause: error,
  })
}

function sqlStateOf(error: unknown): string | undefined {
  return (error as { code?: string }).code
}

async function describe(admin: pg.Client, name: string): Promise<Record<string, number> | undefined> {
  const { rows } = await admin.query<{ tables: string | null }>(
    `select shobj_description(oid, 'pg_database') as tables from pg_database where datname = $1`,
    [name],
  )
  const tables = rows[0]?.tables
  return tables ? (JSON.parse(tables) as Record<string, number>) : undefined
}

/** Changes when the schema or the generator does. */
async function seedVersion(): Promise<string> {
  const hash = createHash('sha256')
  for (const path of [schemaPath, seedPath]) hash.update(await readFile(fileURLToPath(path)))
  return hash.digest('hex').slice(0, 10)
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, application_name: 'holdfast' })
  client.on('error', () => {})
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

function withDatabase(url: string, database: string): string {
  const changed = new URL(url)
  changed.pathname = `/${database}`
  return changed.href
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0)
}
