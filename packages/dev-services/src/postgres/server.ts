import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { diskFullError } from '../disk.ts'
import { DevServicesError, reasonOf } from '../errors.ts'
import { findFreePort, requireFreePort } from '../free-port.ts'
import type { RunContext } from '../run-context.ts'
import type { PostgresService } from '../service.ts'
import { type ServiceChild, type StopLadder, spawnService } from '../service-child.ts'
import { findPostgres, type PostgresBinaries, postgresEnv } from './binaries.ts'
import { type DataFolder, prepareDataFolder, SUPERUSER } from './data-folder.ts'
import { serverVersion, withClient } from './probe.ts'

/** What is particular to the PostgreSQL of one start. */
export interface PostgresOptions {
  readonly databaseName: string
  readonly settings: Readonly<Record<string, string>>
  /** Absent: any free port. */
  readonly port: number | undefined
}

/** A server of ours. */
export interface OwnPostgres {
  readonly service: PostgresService
  readonly child: ServiceChild
}

/** Fast shutdown, then immediate (PostgreSQL 18, "Shutting Down the Server"). */
const STOP_LADDER: StopLadder = [
  { signal: 'SIGINT', graceMs: 4000 },
  { signal: 'SIGQUIT', graceMs: 1000 },
]

/** Recovery after `kill -9` counts into this. */
const READY_LIMIT_MS = 60_000
/** Between two attempts to connect: there is no other sign of readiness that holds for all versions. */
const TRY_EVERY_MS = 15
const START_ATTEMPTS = 3

/** Starts PostgreSQL and waits until it answers a query in the database asked for, with pg_stat_statements created.
 *  @throws HF_PG_UNOBTAINABLE, HF_PG_START_FAILED, HF_CLI_DISK_FULL, HF_CLI_PORT_TAKEN. */
export async function startPostgres(context: RunContext, options: PostgresOptions): Promise<OwnPostgres> {
  if (options.port !== undefined) await requireFreePort(options.port, 'PostgreSQL')
  const binaries = await findPostgres(context)
  return startOnFolder(context, binaries, await prepareDataFolder(context, binaries), options)
}

/** Starts a server on a data folder that is there, and waits until it answers. `logName`: of its log, beside the data of this run.
 *  @throws HF_PG_START_FAILED, HF_CLI_DISK_FULL */
export async function startOnFolder(
  context: RunContext,
  binaries: PostgresBinaries,
  data: DataFolder,
  options: PostgresOptions,
  logName = 'postgres.log',
): Promise<OwnPostgres> {
  for (let attempt = 1; ; attempt++) {
    const port = options.port ?? (await findFreePort())
    const child = await spawnServer(context, binaries, data, { ...options, port }, logName)
    const urlOf = (database: string): string => `postgres://${SUPERUSER}:${data.password}@127.0.0.1:${port}/${encodeURIComponent(database)}`
    try {
      const version = await untilReady(context, child, urlOf, options.databaseName)
      context.progress(`PostgreSQL ${version} (${binaries.origin})`)
      const { origin } = binaries
      return { child, service: { url: urlOf(options.databaseName), version, origin, pid: child.identity.pid, exited: child.exited } }
    } catch (error) {
      await child.stop()
      const isRetried = options.port === undefined && attempt < START_ATTEMPTS && !context.signal.aborted && isTransient(child.logTail())
      if (!isRetried) throw startError(error, child, binaries, data)
    }
  }
}

async function spawnServer(
  context: RunContext,
  binaries: PostgresBinaries,
  data: DataFolder,
  options: PostgresOptions & { readonly port: number },
  logName: string,
): Promise<ServiceChild> {
  const slot = await context.slot()
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(options.port),
    // The path of a socket is limited to 107 bytes, and nothing here needs one.
    unix_socket_directories: '',
    max_connections: '100',
    shared_preload_libraries: 'pg_stat_statements,auto_explain',
    track_io_timing: 'on',
    ...(context.durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
    ...options.settings,
  }
  const child = await spawnService({
    command: binaries.postgres,
    args: ['-D', data.path, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    env: postgresEnv(context, binaries),
    launcher: context.launcher,
    logFile: join(slot.folder, logName),
    detached: context.detached,
    stopLadder: STOP_LADDER,
    // Immediate shutdown: nobody waits for a checkpoint any more, and the data recovers at the next start.
    deathSignal: 'SIGQUIT',
  })
  slot.lock.addChild(child.identity)
  return child
}

async function untilReady(context: RunContext, child: ServiceChild, urlOf: (database: string) => string, database: string): Promise<string> {
  const limit = AbortSignal.any([context.signal, AbortSignal.timeout(READY_LIMIT_MS)])
  for (;;) {
    limit.throwIfAborted()
    const exit = child.exit()
    if (exit !== undefined) throw new Error(`it ended with ${exit.signal ?? `status ${exit.code}`}`)
    try {
      return await withClient(urlOf(database), serverVersion)
    } catch (error) {
      const code = (error as { code?: string }).code
      if (code === '3D000') await createDatabase(urlOf, database)
      else if (code !== undefined && !isNotYetReady(code)) throw error
      else await sleep(TRY_EVERY_MS)
    }
  }
}

/** 57P03: starting up or in recovery. ECONNRESET: it died in between, which the next look at the child reports. */
function isNotYetReady(code: string): boolean {
  return code === '57P03' || code === 'ECONNREFUSED' || code === 'ECONNRESET'
}

/** The extension goes into template1, so that this database and every later one has it. */
async function createDatabase(urlOf: (database: string) => string, database: string): Promise<void> {
  await withClient(urlOf('template1'), client => client.query('CREATE EXTENSION IF NOT EXISTS pg_stat_statements'))
  await withClient(urlOf('postgres'), client => client.query(`CREATE DATABASE ${pg.escapeIdentifier(database)}`))
}

/** The port went to somebody else, or backends of a killed server have not let go of their shared memory. */
function isTransient(log: string): boolean {
  return /Address already in use|could not bind|pre-existing shared memory block/.test(log)
}

function startError(error: unknown, child: ServiceChild, binaries: PostgresBinaries, data: DataFolder): DevServicesError {
  const log = child.logTail()
  const full = diskFullError(error, data.path) ?? diskFullError(log, data.path)
  if (full !== undefined) return full
  const details = /could not access file "(pg_stat_statements|auto_explain)"/.test(log)
    ? { cause: error, hint: 'this PostgreSQL lacks its contrib modules: apt-get install postgresql-contrib' }
    : { cause: error }
  const what = `PostgreSQL (${binaries.postgres}, data in ${data.path}) did not start: ${reasonOf(error)}`
  return new DevServicesError('HF_PG_START_FAILED', log === '' ? what : `${what}\n${log}`, details)
}
