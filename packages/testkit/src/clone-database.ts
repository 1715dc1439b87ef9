import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { serverMajor } from './statistics.ts'

/** Databases whose names begin so are dropped before a test run. */
export const TEST_DATABASE_PREFIX = 'hf_test_'

/** What to clone, and under which name. */
export interface CloneOptions {
  /** A database on the test server that nobody is connected to. Absent: an empty database with pg_stat_statements. */
  readonly template?: string
  /** Goes into the database's name, to recognise it in logs. Letters, digits and `_`. Default `db`. */
  readonly name?: string
}

/** A database of one test. */
export interface ClonedDatabase {
  readonly url: string
  /** Removes it, and ends connections that are still there after half a second. */
  drop(): Promise<void>
}

/** Creates a database for one test on the server of `HOLDFAST_TEST_PG_URL`, in about 20 ms. 2 connections, 3 statements at most.
 *  Rejects when the test services were not started (vitest's project `integration` starts them). */
export async function cloneDatabase(options: CloneOptions = {}): Promise<ClonedDatabase> {
  const { template, name = 'db' } = options
  const server = process.env.HOLDFAST_TEST_PG_URL
  if (server === undefined) throw new Error('HOLDFAST_TEST_PG_URL is not set: tests that need PostgreSQL belong into test/integration')
  const database = `${TEST_DATABASE_PREFIX}${name}_${randomBytes(6).toString('hex')}`
  const source = template === undefined ? '' : `TEMPLATE ${pg.escapeIdentifier(template)}`
  await onServer(withDatabase(server, 'postgres'), client => createByFileCopy(client, `${pg.escapeIdentifier(database)} ${source}`))
  const url = withDatabase(server, database)
  // Our own servers have it in template1; a server from DATABASE_URL may not.
  if (template === undefined) await onServer(url, client => client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements'))
  return {
    url,
    drop: () => dropDatabase(withDatabase(server, 'postgres'), database),
  }
}

/** CREATE DATABASE of this name, with what follows it. As file_copy and not by the default wal_log: a checkpoint and a copy, which without fsync is faster for anything above
 *  an empty schema. PostgreSQL 14 knows no other way, and not the word. 2 statements. */
export async function createByFileCopy(client: pg.Client, nameAndTemplate: string): Promise<void> {
  const strategy = (await serverMajor(client)) >= 15 ? ' STRATEGY file_copy' : ''
  await client.query(`CREATE DATABASE ${nameAndTemplate}${strategy}`)
}

/** `end()` of pg.Pool resolves before its connections are closed. One that is terminated meanwhile is an error (57P01) of a pool that nobody listens to any more. */
const CLOSING_LIMIT_MS = 500
const CLOSING_LOOK_MS = 10

async function dropDatabase(url: string, database: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const giveUpAt = Date.now() + CLOSING_LIMIT_MS
    const used = `SELECT FROM pg_stat_activity WHERE datname = $1 AND backend_type = 'client backend' LIMIT 1`
    while ((await client.query(used, [database])).rowCount !== 0 && Date.now() < giveUpAt) await sleep(CLOSING_LOOK_MS)
    await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)} WITH (FORCE)`)
  } finally {
    await client.end()
  }
}

function withDatabase(server: string, database: string): string {
  const url = new URL(server)
  url.pathname = `/${encodeURIComponent(database)}`
  return url.href
}

async function onServer(url: string, work: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
