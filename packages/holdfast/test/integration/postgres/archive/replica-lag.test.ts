import { startReplication } from '@holdfast/dev-services'
import pg from 'pg'
import { expect, it } from 'vitest'
import { createArchive } from '../../../../src/postgres/archive/index.ts'

it('HF_PG_ARCHIVE_LAGGING: waits for a replica that stands still, gives up in time, and goes on when it follows again', async () => {
  await using replication = await startReplication()
  const connect = async (url = replication.primary.url): Promise<pg.Client> => {
    const client = new pg.Client({ connectionString: url })
    client.on('error', () => undefined)
    await client.connect()
    return client
  }
  const app = await connect()
  // The servers keep their data between runs.
  await app.query('drop table if exists event, event_archive; drop schema if exists holdfast cascade')
  await app.query(`create table event (id int primary key, at timestamptz not null, payload text not null);
    insert into event select n, now() - case when n % 4 = 0 then interval '0' else interval '1 year' end, repeat('x', 400) from generate_series(1, 40000) n`)
  const standby = await connect(replication.replicas[0]!.url)
  const replayed = async (): Promise<boolean> => (await standby.query('select count(*)::int as n from event')).rows[0].n === 40_000
  await expect.poll(() => replayed().catch(() => false), { timeout: 10_000 }).toBe(true)

  const archive = (replicaPatience: '1s' | '1m') =>
    createArchive({
      connect: () => connect(),
      policies: [{ name: 'p', table: 'event', action: 'move', olderThan: { column: 'at', age: '30d' } }],
      ...{ maxLockTime: '5s', maxBatch: 100, maxReplicaLagBytes: '100kb', replicaPatience },
    })
  // It receives, and replays nothing: its lag in time is not told, that in bytes is.
  await standby.query('select pg_wal_replay_pause()')
  await app.query("update event set payload = payload || 'y' where id % 4 = 0")
  const stuck = archive('1s').run('p')
  await expect(stuck).rejects.toMatchObject({
    code: 'HF_PG_ARCHIVE_LAGGING',
    retryable: true,
    message: expect.stringMatching(/replica \S+ is .* behind after \d+ s/),
  })
  const moved = Number((await app.query('select count(*) as n from event_archive')).rows[0].n)
  expect(moved).toBeLessThan(30_000)

  const waits: string[] = []
  const run = archive('1m').run('p', {
    onProgress: ({ phase, line }) => {
      if (phase !== 'waiting') return
      waits.push(line)
      if (waits.length === 1) void standby.query('select pg_wal_replay_resume()')
    },
  })
  expect(await run).toMatchObject({ rowCount: 30_000, isResumed: true, notes: [] })
  expect(waits[0]).toMatch(/^replica/)
  await app.end()
  await standby.end()
})
