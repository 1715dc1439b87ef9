import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { cacheFolder, type DevServices, type DevServicesOptions, startServices } from '../../src/index.ts'
import { temporaryFolder } from '../temporary-folder.ts'

/** An environment whose cache is empty but for the binaries, so that only they are shared with other runs. */
export function freshEnv(): NodeJS.ProcessEnv & { XDG_CACHE_HOME: string } {
  const folder = temporaryFolder()
  const { DATABASE_URL: _, REDIS_URL: __, REDIS_JOBS_URL: ___, ...env } = process.env
  const own = join(folder, 'holdfast')
  mkdirSync(own)
  const shared = cacheFolder()
  for (const name of readdirSync(shared).filter(name => /^(redis|postgres)-/.test(name))) symlinkSync(join(shared, name), join(own, name))
  return { ...env, XDG_CACHE_HOME: folder }
}

/** Resolves when no process is left in `folder`. They are not our children, so there is nothing to await but the look itself. */
export async function allGoneFrom(folder: string): Promise<void> {
  while (processesIn(folder).length > 0) await sleep(20)
}

/** Starts services that are stopped after the test, whatever happens in it. */
export async function started(options: DevServicesOptions): Promise<DevServices> {
  const services = await startServices({ durable: false, ...options })
  onTestFinished(() => services.stop())
  return services
}

/** Numbers of the live processes that name `folder` on their command line (PostgreSQL) or work in it (Redis). Linux only: elsewhere none. */
export function processesIn(folder: string): number[] {
  const mentions = (pid: string): boolean => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder) || readlinkSync(`/proc/${pid}/cwd`).startsWith(folder)
    } catch {
      return false
    }
  }
  return existsSync('/proc')
    ? readdirSync('/proc')
        .filter(name => /^\d+$/.test(name) && mentions(name))
        .map(Number)
    : []
}
