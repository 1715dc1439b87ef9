import { randomBytes } from 'node:crypto'
import { type Replication, startReplication } from '@holdfast/dev-services'
import { flushStatistics } from '@holdfast/testkit'
import pg from 'pg'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type AdvisorOptions, createAdvisor } from '../../../../src/postgres/advisor/index.ts'
import { daysLater } from './troubled-database.ts'

let replication: Replication
let app: pg.Client
const schema = `reads_${randomBytes(4).toString('hex')}`
const clients: pg.Client[] = []

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  clients.push(client)
  return client
}

beforeAll(async () => {
  replication = await startReplication()
  app = await connect(replication.primary.url)
  await app.query(`create schema ${schema}; create table ${schema}.visit (id int primary key, page int not null, visitor int not null);
    insert into ${schema}.visit select i, i % 1000, i % 900 from generate_series(1, 20000) i;
    create index visit_page on ${schema}.visit (page); create index visit_visitor on ${schema}.visit (visitor); analyze ${schema}.visit`)
}, 60_000)

afterAll(async () => {
  await app.query(`drop schema if exists ${schema}, holdfast cascade`)
  await Promise.all(clients.map(client => client.end().catch(() => undefined)))
  await replication.stop()
})

async function unused(days: number, options: Partial<AdvisorOptions> = {}): Promise<{ names: readonly string[]; unknown: string }> {
  const advisor = createAdvisor({ connect: async () => daysLater(await connect(replication.primary.url), days), ...options })
  const { findings, unknown } = await advisor.advise({ rules: 'pg/unused-index' })
  const own = findings.filter(({ evidence }) => evidence.statement.includes(schema))
  return { names: own.map(({ title }) => title.split(' ')[1] ?? ''), unknown: unknown.map(({ why }) => why).join('\n') }
}

it('calls an index that only a replica reads used, one that nobody reads unused, and neither before the replica was asked', async () => {
  await unused(0)
  const replica = await connect(replication.replicas[0]!.url)
  await vi.waitFor(
    async () => expect((await replica.query(`select to_regclass('${schema}.visit_visitor') as found`)).rows[0]?.found).not.toBeNull(),
    {
      timeout: 20_000,
      interval: 20,
    },
  )
  for (let i = 0; i < 5; i += 1) await replica.query(`select count(*) from ${schema}.visit where page = $1`, [i])
  await flushStatistics(replica)

  const alone = await unused(40)
  expect(alone.names).toEqual([])
  expect(alone.unknown).toContain('1 replica(s) stream from this server, counters of 0 are known')
  expect(await unused(40, { replicas: [() => connect(replication.replicas[0]!.url)] })).toEqual({ names: ['visit_visitor'], unknown: '' })
}, 60_000)
