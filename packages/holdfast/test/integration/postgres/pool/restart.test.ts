import { join } from 'node:path'
import { cacheFolder, type DevServices, startServices } from '@holdfast/dev-services'
import { createPool, observePool } from 'holdfast/postgres'
import { createRegistry } from 'holdfast/telemetry'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'

let server: DevServices
const dataDir = join(cacheFolder(), 'restart-test-data')

/** A server of this file's own, for the one of the run is everybody's. */
async function start(port?: number): Promise<DevServices> {
  const { DATABASE_URL: _, ...env } = process.env
  return startServices({ only: ['postgres'], durable: false, dataDir, env, ...(port === undefined ? {} : { ports: { postgres: port } }) })
}

beforeAll(async () => {
  server = await start()
})
afterAll(() => server.stop())

it('lives through a restart of PostgreSQL under load: each failure has a code and is counted, and it recovers by itself', async () => {
  const { url } = server.postgres
  const pool = createPool(pg, { connectionString: url, max: 5, acquireTimeout: '20s' })
  const registry = createRegistry()
  const watched = observePool(pool, { registry })
  await watched.start()
  const failures: { code?: string }[] = []
  let doneCount = 0
  let isOver = false
  const loop = async (): Promise<void> => {
    while (!isOver) {
      await pool.query('select pg_sleep(0.002)').then(
        () => doneCount++,
        error => failures.push(error),
      )
    }
  }
  const loops = Array.from({ length: 20 }, loop)
  const until = async (count: number): Promise<void> => {
    // A pause and no signal: what is awaited is the load itself.
    while (doneCount < count) await new Promise(resolve => setTimeout(resolve, 10))
  }
  await until(100)
  await server.stop()
  server = await start(Number(new URL(url).port))
  await until(doneCount + 100)
  isOver = true
  await Promise.all(loops)
  // At most the statements that were under way, and what reached the server while it shut down: callers in the queue waited for it.
  expect(failures.length).toBeLessThan(40)
  for (const { code } of failures) expect(code).toMatch(/^(57P0[123]|HF_PG_CONNECTION_LOST|ECONNRESET|EPIPE)$/)
  const counted = registry.snapshot().find(({ name }) => name === 'holdfast_pg_statement_errors')?.series ?? []
  expect(counted.reduce((sum, { value }) => sum + (value ?? 0), 0)).toBe(failures.length)
  expect(watched.health().status).toBe('ok')
  await watched.stop()
  await pool.end()
})
