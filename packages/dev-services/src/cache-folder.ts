import { accessSync, chmodSync, constants, existsSync, lstatSync, mkdirSync, statSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { dirname, isAbsolute, join } from 'node:path'
import { DevServicesError } from './errors.ts'

/** The folder that holds binaries, data and the state of the services: `$XDG_CACHE_HOME/holdfast`, `~/.cache/holdfast`, as root
 *  `/var/cache/holdfast`, else one below the temporary folder. Created when absent. Root needs a folder that others may enter, because
 *  PostgreSQL refuses to run as root and runs as `nobody`: a candidate below a closed home is passed over.
 *  @throws HF_PG_START_FAILED when no candidate can be created. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const reasons: string[] = []
  for (const folder of candidates(env)) {
    const reason = prepare(folder)
    if (reason === undefined) return folder
    reasons.push(`${folder}: ${reason}`)
  }
  throw new DevServicesError('HF_PG_START_FAILED', `no cache folder can be used (${reasons.join('; ')})`, {
    hint: 'set XDG_CACHE_HOME to a folder that can be written',
  })
}

/** True when any account may enter the folder and all folders above it. */
export function isOpenToOthers(folder: string): boolean {
  for (let at = folder; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false
    if (at === dirname(at)) return true
  }
}

/** True for the superuser; false where there is none (Windows). */
export function isRoot(): boolean {
  return process.getuid?.() === 0
}

function candidates(env: NodeJS.ProcessEnv): string[] {
  const found: string[] = []
  if (env.XDG_CACHE_HOME && isAbsolute(env.XDG_CACHE_HOME)) found.push(join(env.XDG_CACHE_HOME, 'holdfast'))
  found.push(join(env.HOME || homedir(), '.cache', 'holdfast'))
  if (isRoot()) found.push('/var/cache/holdfast')
  found.push(join(tmpdir(), `holdfast-${process.getuid?.() ?? 'user'}`))
  return found
}

/** Makes the folder usable, or says why it is not. */
function prepare(folder: string): string | undefined {
  try {
    const isNew = !existsSync(folder)
    if (isRoot() && isNew && !isOpenToOthers(nearestExisting(folder))) return 'others may not enter it'
    mkdirSync(folder, { recursive: true, mode: isRoot() ? 0o755 : 0o700 })
    // mkdir obeys the umask, which may be 077.
    if (isRoot() && isNew) chmodSync(folder, 0o755)
    const found = lstatSync(folder)
    if (!found.isDirectory()) return 'it is not a folder'
    // In a temporary folder somebody else may have been here first.
    if (process.getuid !== undefined && found.uid !== process.getuid()) return 'it belongs to somebody else'
    if (isRoot() && !isOpenToOthers(folder)) return 'others may not enter it'
    accessSync(folder, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error)
  }
}

function nearestExisting(folder: string): string {
  let at = folder
  while (!existsSync(at)) at = dirname(at)
  return at
}
