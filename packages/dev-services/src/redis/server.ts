import { randomBytes } from 'node:crypto'
import { chownSync, existsSync, mkdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { diskFullError } from '../disk.ts'
import { DevServicesError, reasonOf } from '../errors.ts'
import { findFreePort, requireFreePort } from '../free-port.ts'
import type { RunContext } from '../run-context.ts'
import type { RedisService } from '../service.ts'
import { type ServiceChild, spawnService } from '../service-child.ts'
import { type RedisBinary, redisEnv } from './binaries.ts'
import { identifyRedis } from './probe.ts'

/** A server of ours. */
export interface OwnRedis {
  readonly service: RedisService
  readonly child: ServiceChild
}

const READY_LIMIT_MS = 10_000
const TRY_EVERY_MS = 10
const START_ATTEMPTS = 3

/** What each role keeps and forgets. BullMQ loses jobs on a server that evicts. */
const POLICY: Readonly<Record<RedisService['role'], readonly string[]>> = {
  cache: ['maxmemory 64mb', 'maxmemory-policy allkeys-lfu'],
  jobs: ['maxmemory-policy noeviction'],
}

/** Starts one Redis and waits until it answers INFO. `port` undefined: any free one.
 *  @throws HF_REDIS_START_FAILED, HF_CLI_PORT_TAKEN, HF_CLI_DISK_FULL. */
export async function startRedis(context: RunContext, binary: RedisBinary, role: RedisService['role'], port: number | undefined): Promise<OwnRedis> {
  if (port !== undefined) await requireFreePort(port, `Redis (${role})`)
  for (let attempt = 1; ; attempt++) {
    const chosen = port ?? (await findFreePort())
    const password = randomBytes(24).toString('hex')
    const child = await spawnServer(context, binary, role, chosen, password)
    try {
      await untilListening(context, child, chosen)
      const url = `redis://:${password}@127.0.0.1:${chosen}/0`
      const identity = await identifyRedis(url)
      return { child, service: { url, ...identity, origin: binary.origin, pid: child.identity.pid, role, exited: child.exited } }
    } catch (error) {
      await child.stop()
      const isRetried = port === undefined && attempt < START_ATTEMPTS && !context.signal.aborted && /already in use/i.test(child.logTail())
      if (!isRetried) throw startError(error, child, binary, role)
    }
  }
}

/** The configuration of one instance. Given on stdin, because arguments can be read by every account. */
export function redisConfig(role: RedisService['role'], port: number, password: string, folder: string): string {
  const lines = [`port ${port}`, 'bind 127.0.0.1', 'protected-mode yes', `requirepass ${password}`, `dir ${JSON.stringify(folder)}`]
  lines.push('save ""', 'appendonly no', 'daemonize no', 'databases 16', ...POLICY[role])
  return `${lines.join('\n')}\n`
}

async function spawnServer(
  context: RunContext,
  binary: RedisBinary,
  role: RedisService['role'],
  port: number,
  password: string,
): Promise<ServiceChild> {
  const slot = await context.slot()
  const folder = join(slot.folder, `redis-${role}`)
  if (!existsSync(folder)) {
    mkdirSync(folder, { mode: 0o700 })
    const account = context.launcher.serviceAccount
    if (account !== undefined) chownSync(folder, account.uid, account.gid)
  }
  const child = await spawnService({
    command: binary.command,
    args: ['-'],
    stdin: redisConfig(role, port, password, folder),
    env: redisEnv(context, binary),
    launcher: context.launcher,
    logFile: join(slot.folder, `redis-${role}.log`),
    detached: context.detached,
    stopLadder: [{ signal: 'SIGTERM', graceMs: 5000 }],
    // There is nothing to save, and a script that runs for ever would not hear SIGTERM.
    deathSignal: 'SIGKILL',
  })
  slot.lock.addChild(child.identity)
  return child
}

async function untilListening(context: RunContext, child: ServiceChild, port: number): Promise<void> {
  const limit = AbortSignal.any([context.signal, AbortSignal.timeout(READY_LIMIT_MS)])
  while (!(await accepts(port))) {
    limit.throwIfAborted()
    const exit = child.exit()
    if (exit !== undefined) throw new Error(`it ended with ${exit.signal ?? `status ${exit.code}`}`)
    await sleep(TRY_EVERY_MS)
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = createConnection({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

function startError(error: unknown, child: ServiceChild, binary: RedisBinary, role: RedisService['role']): DevServicesError {
  const log = child.logTail()
  const full = diskFullError(error, binary.command) ?? diskFullError(log, binary.command)
  if (full !== undefined) return full
  const what = `Redis for ${role} (${binary.command}) did not start: ${reasonOf(error)}`
  return new DevServicesError('HF_REDIS_START_FAILED', log === '' ? what : `${what}\n${log}`, { cause: error })
}
