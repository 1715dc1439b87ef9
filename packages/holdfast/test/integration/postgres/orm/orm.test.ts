import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import { createRequestScope, runInRequestScope } from 'holdfast/core'
import { type HoldfastPg, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { identifyStatement, loadParser } from '../../../../src/postgres/fingerprint.ts'
import { drizzleLeads } from './drizzle-leads.ts'
import { kyselyLeads } from './kysely-leads.ts'
import { type Leads, useAll } from './leads.ts'
import { leadsDatabase } from './leads-database.ts'
import { prismaLeads } from './prisma-leads.ts'

let template: ClonedDatabase

beforeAll(async () => {
  await loadParser()
  template = await leadsDatabase('leads')
})
afterAll(() => template.drop())

describe.each([
  ['Prisma', prismaLeads],
  ['Drizzle', drizzleLeads],
  ['Kysely', kyselyLeads],
] as const)('%s over an observed pool', (name, open) => {
  let observed: ClonedDatabase
  let plain: ClonedDatabase
  let pool: pg.Pool
  let watched: HoldfastPg<pg.Pool>
  let leads: Leads

  beforeEach(async () => {
    const copyOf = { template: new URL(template.url).pathname.slice(1) }
    observed = await cloneDatabase({ ...copyOf, name: `${name}_observed`.toLowerCase() })
    plain = await cloneDatabase({ ...copyOf, name: `${name}_plain`.toLowerCase() })
    pool = new pg.Pool({ connectionString: observed.url, max: 2 })
    watched = observePool(pool, { registry: createRegistry() })
    await watched.start()
    leads = open(pool)
  })
  afterEach(async () => {
    await leads.close()
    await watched.stop()
    await pool.end()
    await Promise.all([observed.drop(), plain.drop()])
  })

  it('answers as over a pool that nobody watches, and every statement that the server counted was seen, once', async () => {
    const seenByServer = await countStatements(observed.url)
    const answers = await useAll(leads)
    const raw = new pg.Pool({ connectionString: plain.url, max: 2 })
    const unwatched = open(raw)
    expect(answers).toEqual(await useAll(unwatched))
    expect(answers[0]).not.toEqual(answers[1])
    expect(answers[11]).toHaveLength(200)
    await unwatched.close()
    await raw.end()

    // The server does not count the one that failed.
    const seen = new Map(watched.statements().map(({ fingerprint, callCount, errorCount }) => [fingerprint, callCount - errorCount]))
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(await seenByServer()))
    expect(seen.size).toBeGreaterThanOrEqual(11)
  })

  it('blames each statement on its request, with forty requests over two connections', async () => {
    const alone = createRequestScope()
    const request = async (): Promise<void> => {
      await leads.newest(3)
      await leads.withAgents(5)
      await leads.assign(5, 2, false)
    }
    await runInRequestScope(alone, request)
    const scopes = Array.from({ length: 40 }, createRequestScope)
    await Promise.all(scopes.map(scope => runInRequestScope(scope, request)))
    expect(scopes.map(scope => scope.statementCount)).toEqual(scopes.map(() => alone.statementCount))
    const total = watched.statements().reduce((sum, { callCount }) => sum + callCount, 0)
    expect(total).toBe(41 * alone.statementCount)
  })
})

/** Resets the server's own count, and returns a function that reads it: calls by fingerprint of what was sent to this database since. */
async function countStatements(url: string): Promise<() => Promise<Map<string, number>>> {
  const query = async (text: string): Promise<{ query: string; calls: number }[]> => {
    const client = new pg.Client({ connectionString: url })
    await client.connect()
    const { rows } = await client.query(text)
    await client.end()
    return rows
  }
  const mine = 'dbid = (select oid from pg_database where datname = current_database())'
  await query('select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()), 0)')
  return async () => {
    const rows = await query(`select query, calls::int from pg_stat_statements where toplevel and ${mine} and query !~ 'pg_stat_statements'`)
    const counts = new Map<string, number>()
    for (const { query: text, calls } of rows) {
      const { fingerprint } = identifyStatement(text)
      counts.set(fingerprint, (counts.get(fingerprint) ?? 0) + calls)
    }
    return counts
  }
}
