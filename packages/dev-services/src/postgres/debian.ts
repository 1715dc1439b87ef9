import { join } from 'node:path'
import { cacheFolder } from '../cache-folder.ts'
import { DevServicesError, reasonOf } from '../errors.ts'
import { type PackageSpec, privateCopy, type UnpackedProgram } from '../private-copy.ts'
import type { RunContext } from '../run-context.ts'
import type { Slot } from '../slot.ts'
import { createContext, type DevServicesOptions } from '../start-services.ts'
import { debianBins, type PostgresBinaries, tried } from './binaries.ts'
import { prepareDataFolder } from './data-folder.ts'
import { type OwnPostgres, startOnFolder } from './server.ts'

/** A PostgreSQL of the distribution, of a test: another major version than the embedded one. It ends with `stop()` and with this process. */
export interface DebianPostgres extends AsyncDisposable {
  /** Connection string of the superuser, with the password, to an empty database. */
  readonly url: string
  /** For example `15.18`. */
  readonly version: string
  stop(): Promise<void>
}

/** The metapackage brings the version of the release: 15 on Debian 12, 17 on Debian 13. */
const PACKAGE: PackageSpec = { packageName: 'postgresql', program: 'usr/lib/postgresql' }

/** Starts the PostgreSQL that the distribution has, on a free port of 127.0.0.1 and without fsync: the newest one installed, else a private copy of its package
 *  (45 MB, once). @throws HF_PG_UNOBTAINABLE, HF_PG_START_FAILED, HF_CLI_DISK_FULL. Nothing is left running then. */
export async function startDebianPostgres(options: Pick<DevServicesOptions, 'env' | 'dataDir' | 'onProgress'> = {}): Promise<DebianPostgres> {
  const env = options.env ?? process.env
  const claimed: { slot?: Promise<Slot> } = {}
  let server: OwnPostgres | undefined
  let stopping: Promise<void> | undefined
  const stopAll = async (): Promise<void> => {
    await server?.child.stop()
    const slot = await claimed.slot?.catch(() => undefined)
    slot?.lock.release()
  }
  const stop = (): Promise<void> => {
    stopping ??= stopAll()
    return stopping
  }
  try {
    const dataDir = options.dataDir ?? join(cacheFolder(env), 'debian-postgres-data')
    const context = await createContext({ ...options, env, dataDir, durable: false }, false, new AbortController().signal, claimed)
    const binaries = await findDebianPostgres(context, debianBins())
    server = await startOnFolder(context, binaries, await prepareDataFolder(context, binaries), {
      databaseName: 'holdfast',
      settings: {},
      port: undefined,
    })
    const { url, version } = server.service
    return { url, version, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** The programs of the newest version installed, else of a private copy.
 *  @throws HF_PG_UNOBTAINABLE */
export async function findDebianPostgres(context: RunContext, installed: readonly string[]): Promise<PostgresBinaries> {
  const [bin] = installed
  try {
    if (bin !== undefined) return await tried(context, 'path', bin)
    const copy = await privateCopy(context, PACKAGE, program => triedCopy(context, program).then(Boolean, () => false))
    return await triedCopy(context, copy)
  } catch (error) {
    if (error instanceof DevServicesError) throw error
    throw new DevServicesError('HF_PG_UNOBTAINABLE', `the distribution's PostgreSQL cannot be had: ${reasonOf(error)}`, {
      hint: 'run: apt-get install postgresql',
      cause: error,
    })
  }
}

async function triedCopy(context: RunContext, { command, libraryPath }: UnpackedProgram): Promise<PostgresBinaries> {
  const [bin] = debianBins(command)
  if (bin === undefined) throw new Error(`${command} holds no version`)
  return tried(context, 'private copy', bin, libraryPath)
}
