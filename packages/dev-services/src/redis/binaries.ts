import { DevServicesError, reasonOf } from '../errors.ts'
import { findOnPath } from '../find-on-path.ts'
import { privateCopy } from '../private-copy.ts'
import { runCommand } from '../run-command.ts'
import { type RunContext, serviceEnv } from '../run-context.ts'
import type { ServiceOrigin } from '../service.ts'

/** A server program that was seen to run here. */
export interface RedisBinary {
  readonly origin: ServiceOrigin
  readonly command: string
  /** Where its libraries are, when they are not the system's. */
  readonly libraryPath?: string
}

const REDIS_PACKAGE = { packageName: 'redis-server', program: 'usr/bin/redis-server' }

/** Finds Redis: `redis-server` or `valkey-server` on PATH, else a private copy of the distribution's package.
 *  @throws HF_REDIS_UNOBTAINABLE with the reason of each; HF_CLI_DISK_FULL. */
export async function findRedis(context: RunContext): Promise<RedisBinary> {
  const reasons: string[] = []
  for (const name of ['redis-server', 'valkey-server']) {
    const command = findOnPath(name, context.env)
    if (command === undefined) continue
    const binary: RedisBinary = { origin: 'path', command }
    if (await runs(context, binary)) return binary
    reasons.push(`${command}: does not run here`)
  }
  try {
    return await privateCopy(context, REDIS_PACKAGE, binary => runs(context, binary))
  } catch (error) {
    if (error instanceof DevServicesError) throw error
    reasons.push(`private copy: ${reasonOf(error)}`)
  }
  throw new DevServicesError('HF_REDIS_UNOBTAINABLE', `no Redis can be had (REDIS_URL: not set; path: not there; ${reasons.join('; ')})`)
}

/** The environment in which the binary runs. */
export function redisEnv(context: RunContext, binary: RedisBinary): NodeJS.ProcessEnv {
  return { ...serviceEnv(context), ...(binary.libraryPath === undefined ? {} : { LD_LIBRARY_PATH: binary.libraryPath }) }
}

async function runs(context: RunContext, binary: RedisBinary): Promise<boolean> {
  const { launcher, signal } = context
  const env = redisEnv(context, binary)
  const { ok, output } = await runCommand({ command: binary.command, args: ['--version'], env, launcher, asService: true, timeoutMs: 5000, signal })
  return ok && / v=\d/.test(output)
}
