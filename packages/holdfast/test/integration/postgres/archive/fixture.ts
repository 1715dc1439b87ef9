import { randomBytes } from 'node:crypto'
import { type ClonedDatabase, cloneDatabase } from '@holdfast/testkit'
import pg from 'pg'
import { type Archive, type ArchiveOptions, type ArchivePolicy, createArchive } from '../../../../src/postgres/archive/index.ts'

/** A database of its own for one file of tests. */
export interface ArchiveFixture {
  readonly database: ClonedDatabase
  /** The application's connection. */
  readonly app: pg.Client
  connect(url?: string): Promise<pg.Client>
  /** An archive of one policy, named `p` unless it says otherwise. Batches have time, for the machine may be busy; nothing is paused. */
  archive(policy: Omit<ArchivePolicy, 'name'> & { name?: string }, options?: Partial<ArchiveOptions>): Archive
  /** A role that may log in and nothing else, and the URL for it. Dropped with the fixture. */
  role(): Promise<{ name: string; url: string }>
  /** One value. */
  value(sql: string, ...values: unknown[]): Promise<unknown>
  close(): Promise<void>
}

export async function archiveFixture(name: string): Promise<ArchiveFixture> {
  const database = await cloneDatabase({ name })
  const clients: pg.Client[] = []
  const roles: string[] = []
  const connect = async (url = database.url): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    clients.push(client)
    return client
  }
  const app = await connect()
  return {
    database,
    app,
    connect,
    archive: (policy, options = {}) =>
      createArchive({ connect: () => connect(), policies: [{ name: 'p', ...policy }], maxLockTime: '10s', share: 1, ...options }),
    async role() {
      const role = `hf_upkeep_${randomBytes(4).toString('hex')}`
      roles.push(role)
      await app.query(`create role ${role} login password 'p'`)
      const url = new URL(database.url)
      url.username = role
      url.password = 'p'
      return { name: role, url: url.href }
    },
    async value(sql, ...values) {
      const { rows } = await app.query({ text: sql, values, rowMode: 'array' })
      return (rows[0] as unknown[] | undefined)?.[0]
    },
    async close() {
      await Promise.all(clients.map(client => client.end().catch(() => undefined)))
      await database.drop()
      const server = new pg.Client({ connectionString: process.env.HOLDFAST_TEST_PG_URL! })
      await server.connect()
      for (const role of roles) await server.query(`drop role ${role}`)
      await server.end()
    },
  }
}
