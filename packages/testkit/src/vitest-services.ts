import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheFolder, type DevServices, DevServicesError, startServices } from '@holdfast/dev-services'
import pg from 'pg'
import { createByFileCopy, TEST_DATABASE_PREFIX } from './clone-database.ts'

/** The exit status of UX: a service is not to be had. Tests never skip for that. */
const EXIT_UNREACHABLE = 3

/** Global set-up of the integration tests: for each lane (`HOLDFAST_TEST_LANES`, 1 when absent) one PostgreSQL and two Redis for the whole run, without
 *  fsync, in folders of their own. Their URLs are in `HOLDFAST_TEST_SERVICES`, an array in JSON, from which `vitest-lane.ts` takes those of a free lane.
 *  Our own servers are handed over empty, whatever an earlier run left. Returns the tear-down; a second project of the run uses what the first one
 *  started. Ends the process with status 3 when a service is not to be had. */
// biome-ignore lint/style/noDefaultExport: vitest calls the default export of a global set-up.
export default async function startTestServices(): Promise<() => Promise<void>> {
  if (process.env.HOLDFAST_TEST_SERVICES !== undefined) return () => Promise.resolve()
  const lanes = Number(process.env.HOLDFAST_TEST_LANES ?? 1)
  const started: DevServices[] = []
  for (let lane = 0; lane < lanes; lane++) started.push(await startOrExit())
  const locks = mkdtempSync(join(tmpdir(), 'holdfast-lanes-'))
  process.env.HOLDFAST_TEST_SERVICES = JSON.stringify(
    started.map((services, lane) => ({ lock: join(locks, String(lane)), env: addresses(services) })),
  )
  return async () => {
    delete process.env.HOLDFAST_TEST_SERVICES
    rmSync(locks, { recursive: true, force: true })
    await Promise.all(started.map(services => services.stop()))
  }
}

/** A lane in `HOLDFAST_TEST_SERVICES`. */
export interface TestLane {
  /** Who holds it uses the services. */
  readonly lock: string
  readonly env: Readonly<Record<string, string>>
}

function addresses(services: DevServices): Record<string, string> {
  return {
    HOLDFAST_TEST_PG_URL: services.postgres.url,
    HOLDFAST_TEST_REDIS_URL: services.cacheRedis!.url,
    HOLDFAST_TEST_REDIS_JOBS_URL: services.jobsRedis!.url,
  }
}

async function startOrExit(): Promise<DevServices> {
  try {
    const onProgress = (line: string): void => void process.stderr.write(`${line}\n`)
    const dataDir = join(cacheFolder(), 'test-data')
    const services = await startServices({ durable: false, requireRedis: true, dataDir, onProgress })
    if (services.postgres.origin !== 'DATABASE_URL') await emptyOut(services.postgres.url)
    return services
  } catch (error) {
    if (!(error instanceof DevServicesError)) throw error
    process.stderr.write(`${error.code}: ${error.message}\n  ${error.hint}\n`)
    process.exit(EXIT_UNREACHABLE)
  }
}

/** Replaces the default database and drops what killed tests could not. */
async function emptyOut(url: string): Promise<void> {
  const database = decodeURIComponent(new URL(url).pathname.slice(1))
  const admin = new URL(url)
  admin.pathname = '/postgres'
  const client = new pg.Client({ connectionString: admin.href })
  await client.connect()
  try {
    const left = await client.query<{ datname: string }>('SELECT datname FROM pg_database WHERE datname = $1 OR starts_with(datname, $2)', [
      database,
      TEST_DATABASE_PREFIX,
    ])
    for (const { datname } of left.rows) await client.query(`DROP DATABASE ${pg.escapeIdentifier(datname)} WITH (FORCE)`)
    await createByFileCopy(client, pg.escapeIdentifier(database))
  } finally {
    await client.end()
  }
}
