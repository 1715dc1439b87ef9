import { randomBytes } from 'node:crypto'
import { type DebianPostgres, startDebianPostgres } from '@holdfast/dev-services'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AdviceReport, type Advisor, createAdvisor } from '../../../../src/postgres/advisor/index.ts'
import { breakIndexBuild, daysLater, makeTroubles, runTroubledStatements } from './troubled-database.ts'

let server: DebianPostgres | undefined
let app: pg.Client
let report: AdviceReport
const clients: pg.Client[] = []
const name = `hf_test_versions_${randomBytes(4).toString('hex')}`

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  clients.push(client)
  return client
}

beforeAll(async () => {
  server = await startDebianPostgres()
  const admin = await connect(server.url)
  await admin.query(`create database ${name}`)
  const url = new URL(server.url)
  url.pathname = `/${name}`
  app = await connect(url.href)
  await app.query('create extension if not exists pg_stat_statements; create extension if not exists pgstattuple')
  await makeTroubles(app)
  await breakIndexBuild(app, await connect(url.href))
  const advisor = (days: number): Advisor => createAdvisor({ connect: async () => daysLater(await connect(url.href), days) })
  await advisor(0).advise({ limit: 0 })
  const since = await advisor(40).mark()
  await runTroubledStatements(app)
  report = await advisor(40).advise({ since, limit: 0 })
}, 120_000)

afterAll(async () => {
  const [admin, ...others] = clients
  await Promise.all(others.map(client => client.end().catch(() => undefined)))
  await admin?.query(`drop database if exists ${name} with (force)`)
  await admin?.end()
  await server?.stop()
})

/** Rules whose facts an older PostgreSQL has too, or that go by something else there. */
const EXPECTED = [
  ['pg/unused-index', 'visit_note_idx'],
  ['pg/duplicate-index', 'visit_day_twin'],
  ['pg/invalid-index', 'visit_broken_idx'],
  ['pg/foreign-key-index', 'visit_customer'],
  ['pg/low-hot-ratio', 'tally'],
  ['pg/dead-tuples', 'tally'],
  ['pg/autovacuum-settings', 'off for tally'],
  ['pg/stale-statistics', 'fresh'],
  ['pg/bloat', 'airy'],
  ['pg/sequence-end', 'ticket_id_seq'],
  ['pg/extended-statistics', 'place by city and zip'],
  ['pg/work-mem', 'spills'],
  ['pg/offset-paging', 'paging by OFFSET'],
  ['pg/select-star', 'wide'],
  ['pg/cast-defeats-index', 'day::date keeps index visit_day'],
  ['pg/cacheable-statement', 'a read of place'],
] as const

describe('on the PostgreSQL of the distribution', () => {
  it.each(EXPECTED)('%s finds %s', (rule, part) => {
    const found = report.findings.find(finding => finding.rule === rule && finding.title.includes(part))
    expect(found, JSON.stringify([server?.version, report.findings.map(({ title }) => title), report.unknown], null, 1)).toBeDefined()
  })

  it('measures bloat where pgstattuple is installed', () => {
    const bloat = report.findings.find(({ rule }) => rule === 'pg/bloat')
    expect(bloat?.recommendation.confidence).toBe('high')
    expect(bloat?.evidence.figures).toContainEqual({ name: 'Measured waste', value: expect.stringContaining('pgstattuple_approx') })
  })

  it('says what an older server does not count', () => {
    const major = Number.parseInt(server?.version ?? '', 10)
    const counted = report.findings
      .find(({ rule }) => rule === 'pg/low-hot-ratio')
      ?.evidence.figures?.find(({ name }) => name.includes('another page'))
    if (major < 16) expect(counted?.value).toBe('not counted before PostgreSQL 16')
    else expect(counted?.value).toMatch(/%$/)
  })
})
