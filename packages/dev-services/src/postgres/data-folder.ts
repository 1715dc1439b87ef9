import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { diskFullError, requireFreeDisk } from '../disk.ts'
import { DevServicesError } from '../errors.ts'
import { commandLineOf, identifyProcess } from '../process-identity.ts'
import { runCommand } from '../run-command.ts'
import type { RunContext } from '../run-context.ts'
import { sweepProcesses } from '../sweep.ts'
import { type PostgresBinaries, postgresEnv } from './binaries.ts'

/** The superuser of our own servers. Not `holdfast`: the ledger's schema has that name, and `"$user"` of the default search_path would lead a role of the same
 *  name there. */
export const SUPERUSER = 'developer'

/** An initialised data folder that no server uses. */
export interface DataFolder {
  readonly path: string
  readonly password: string
}

/** Finds or makes the data folder of this run. A new one costs an initdb (about 1 s).
 *  @throws HF_CLI_DISK_FULL when less than 300 MB are free; HF_PG_START_FAILED when initdb fails. */
export async function prepareDataFolder(context: RunContext, binaries: PostgresBinaries): Promise<DataFolder> {
  const { folder } = await context.slot()
  // Data of a server without fsync is not trusted later by one that promises durability.
  const home = join(folder, `pg${binaries.major}-${SUPERUSER}${context.durable ? '' : '-nosync'}`)
  const found = { path: join(home, 'data'), passwordFile: join(home, 'password') }
  if (existsSync(home)) await removeStalePidFile(found.path)
  else await initialise(context, binaries, home)
  return { path: found.path, password: readFileSync(found.passwordFile, 'utf8').trim() }
}

/** Made under another name and renamed when whole, so that a half-made folder is never mistaken for data. */
async function initialise(context: RunContext, binaries: PostgresBinaries, home: string): Promise<void> {
  const { folder } = await context.slot()
  await requireFreeDisk(folder, context.freeBytes)
  context.progress('preparing a data folder for PostgreSQL')
  const draft = `${home}.new`
  rmSync(draft, { recursive: true, force: true })
  try {
    mkdirSync(draft)
    chmodSync(draft, 0o711)
    mkdirSync(join(draft, 'data'), { mode: 0o700 })
    writeFileSync(join(draft, 'password'), randomBytes(24).toString('hex'), { mode: 0o600 })
    const account = context.launcher.serviceAccount
    if (account !== undefined) {
      // initdb reads the password and owns the data.
      for (const name of ['data', 'password']) chownSync(join(draft, name), account.uid, account.gid)
    }
    await runInitdb(context, binaries, draft)
    renameSync(draft, home)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    throw error
  }
}

async function runInitdb(context: RunContext, binaries: PostgresBinaries, home: string): Promise<void> {
  const { launcher, signal } = context
  const args = ['-D', join(home, 'data'), '-U', SUPERUSER, '--pwfile', join(home, 'password'), '-A', 'scram-sha-256', '-E', 'UTF8', '--no-sync']
  // The built-in provider (since 17) sorts the same on every machine; before that, C does.
  args.push(...(binaries.major >= 17 ? ['--locale-provider=builtin', '--builtin-locale=C.UTF-8'] : ['--locale=C']))
  const result = await runCommand({
    command: binaries.initdb,
    args,
    env: postgresEnv(context, binaries),
    launcher,
    asService: true,
    timeoutMs: 60_000,
    signal,
  })
  if (result.ok) return
  throw (
    diskFullError(result.output, home) ??
    new DevServicesError('HF_PG_START_FAILED', `initdb failed (${binaries.initdb}):\n${result.output.split('\n').slice(-8).join('\n')}`)
  )
}

/** After `kill -9` of a server its pid file stays. We hold the lock of the folder: a server that still runs on it is a leftover. */
async function removeStalePidFile(data: string): Promise<void> {
  const pidFile = join(data, 'postmaster.pid')
  if (!existsSync(pidFile)) return
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10)
  const leftover = commandLineOf(pid).includes(data) ? identifyProcess(pid) : undefined
  if (leftover !== undefined) await sweepProcesses([leftover])
  // Otherwise a later process with the same number would make PostgreSQL refuse to start.
  rmSync(pidFile, { force: true })
}
