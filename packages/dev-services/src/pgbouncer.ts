import { chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheFolder } from './cache-folder.ts'
import { DevServicesError, reasonOf } from './errors.ts'
import { findOnPath } from './find-on-path.ts'
import { findFreePort } from './free-port.ts'
import { withClient } from './postgres/probe.ts'
import { type PackageSpec, privateCopy, type UnpackedProgram } from './private-copy.ts'
import { runCommand } from './run-command.ts'
import { type RunContext, serviceEnv } from './run-context.ts'
import { type ServiceChild, spawnService } from './service-child.ts'
import type { Slot } from './slot.ts'
import { createContext } from './start-services.ts'

/** How to start PgBouncer. */
export interface PoolerOptions {
  /** The PostgreSQL behind it, with the password. */
  readonly url: string
  /** When a server session goes to the next client. Default `transaction`. */
  readonly poolMode?: 'session' | 'transaction' | 'statement'
  /** Server sessions. Default 2. */
  readonly poolSize?: number
  /** As of `startServices`. */
  readonly env?: NodeJS.ProcessEnv
  readonly dataDir?: string
  readonly onProgress?: (line: string) => void
}

/** A PgBouncer that a query went through. It ends with `stop()` and with this process. */
export interface Pooler extends AsyncDisposable {
  /** The URL that was given, with the pooler's address. */
  readonly url: string
  /** For example `1.18.0`. */
  readonly version: string
  stop(): Promise<void>
}

type Binary = Pick<UnpackedProgram, 'command'> & { readonly libraryPath?: string }

const PACKAGE: PackageSpec = { packageName: 'pgbouncer', program: 'usr/sbin/pgbouncer' }
const READY_LIMIT_MS = 10_000
const TRY_EVERY_MS = 15

/** Starts a PgBouncer in front of `url`, on a free port of 127.0.0.1: the one on PATH, else a private copy of the distribution's package. For tests.
 *  @throws HF_PG_POOLER_UNOBTAINABLE with the reason. Nothing is left running then. */
export async function startPgBouncer(options: PoolerOptions): Promise<Pooler> {
  const env = options.env ?? process.env
  const claimed: { slot?: Promise<Slot> } = {}
  let child: ServiceChild | undefined
  const stop = async (): Promise<void> => {
    await child?.stop()
    const slot = await claimed.slot?.catch(() => undefined)
    slot?.lock.release()
  }
  try {
    const dataDir = options.dataDir ?? join(cacheFolder(env), 'pooler-data')
    const context = await createContext({ ...options, env, dataDir }, false, new AbortController().signal, claimed)
    const binary = await findPgBouncer(context)
    const version = /PgBouncer (\S+)/i.exec((await versionOf(context, binary)).output)?.[1] ?? 'unknown'
    const port = await findFreePort()
    child = await spawnPooler(context, binary, options, port)
    const url = new URL(options.url)
    url.host = `127.0.0.1:${port}`
    await untilReady(child, url.href)
    context.progress(`PgBouncer ${version}`)
    let stopping: Promise<void> | undefined
    const stopOnce = (): Promise<void> => {
      stopping ??= stop()
      return stopping
    }
    return { url: url.href, version, stop: stopOnce, [Symbol.asyncDispose]: stopOnce }
  } catch (error) {
    await stop()
    throw new DevServicesError('HF_PG_POOLER_UNOBTAINABLE', `no PgBouncer: ${reasonOf(error)}${child === undefined ? '' : `\n${child.logTail()}`}`, {
      cause: error,
    })
  }
}

async function findPgBouncer(context: RunContext): Promise<Binary> {
  const onPath = findOnPath('pgbouncer', context.env)
  if (onPath !== undefined && (await runs(context, { command: onPath }))) return { command: onPath }
  return privateCopy(context, PACKAGE, program => runs(context, program))
}

async function runs(context: RunContext, binary: Binary): Promise<boolean> {
  const { ok, output } = await versionOf(context, binary)
  return ok && /pgbouncer/i.test(output)
}

function versionOf(context: RunContext, binary: Binary): ReturnType<typeof runCommand> {
  const { launcher, signal } = context
  return runCommand({
    command: binary.command,
    args: ['--version'],
    env: poolerEnv(context, binary),
    launcher,
    asService: true,
    timeoutMs: 5000,
    signal,
  })
}

function poolerEnv(context: RunContext, { libraryPath }: Binary): NodeJS.ProcessEnv {
  return { ...serviceEnv(context), ...(libraryPath === undefined ? {} : { LD_LIBRARY_PATH: libraryPath }) }
}

async function spawnPooler(context: RunContext, binary: Binary, options: PoolerOptions, port: number): Promise<ServiceChild> {
  const slot = await context.slot()
  const folder = join(slot.folder, 'pgbouncer')
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 })
  const { username, password, hostname, port: serverPort } = new URL(options.url)
  const users = join(folder, 'users.txt')
  const settings = join(folder, 'pgbouncer.ini')
  const quoted = (text: string): string => `"${decodeURIComponent(text).replaceAll('"', '""')}"`
  writeFileSync(users, `${quoted(username)} ${quoted(password)}\n`, { mode: 0o600 })
  const lines = [
    '[databases]',
    `* = host=${hostname} port=${serverPort || '5432'}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
  ]
  lines.push('unix_socket_dir =', 'auth_type = scram-sha-256', `auth_file = ${users}`, `pool_mode = ${options.poolMode ?? 'transaction'}`)
  lines.push(`default_pool_size = ${options.poolSize ?? 2}`, 'max_client_conn = 500')
  writeFileSync(settings, `${lines.join('\n')}\n`, { mode: 0o600 })
  const account = context.launcher.serviceAccount
  if (account !== undefined) for (const path of [folder, users, settings]) chownSync(path, account.uid, account.gid)
  const child = await spawnService({
    command: binary.command,
    args: [settings],
    env: poolerEnv(context, binary),
    launcher: context.launcher,
    logFile: join(slot.folder, 'pgbouncer.log'),
    detached: false,
    // SIGTERM is its immediate shutdown; SIGINT would wait for clients.
    stopLadder: [{ signal: 'SIGTERM', graceMs: 3000 }],
    deathSignal: 'SIGKILL',
  })
  slot.lock.addChild(child.identity)
  return child
}

async function untilReady(child: ServiceChild, url: string): Promise<void> {
  const limit = AbortSignal.timeout(READY_LIMIT_MS)
  for (;;) {
    const exit = child.exit()
    if (exit !== undefined) throw new Error(`it ended with ${exit.signal ?? `status ${exit.code}`}`)
    try {
      await withClient(url, client => client.query('select 1'))
      return
    } catch (error) {
      if ((error as { code?: string }).code !== 'ECONNREFUSED' || limit.aborted) throw error
      await sleep(TRY_EVERY_MS)
    }
  }
}
