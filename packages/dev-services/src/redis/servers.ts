import { chownSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { findFreePort } from '../free-port.ts'
import type { RunContext } from '../run-context.ts'
import { type ServiceChild, spawnService } from '../service-child.ts'
import type { Slot } from '../slot.ts'
import { createContext, type DevServicesOptions } from '../start-services.ts'
import { findRedis, type RedisBinary, redisEnv } from './binaries.ts'
import { identifyRedis } from './probe.ts'

/** One Redis server of a test, without a password, on 127.0.0.1. */
export interface OwnServer {
  readonly url: string
  readonly port: number
  /** The process that runs now. */
  readonly pid: number
  /** A client of it that is closed with the servers. */
  readonly client: Redis
  /** Sends SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port, with what it left in its folder. It answers INFO when this resolves, or is still loading. */
  restart(): Promise<void>
}

/** Several Redis servers with configurations of their own, for tests of what one server cannot show. */
export interface RedisServers extends AsyncDisposable {
  /** Starts one. `lines` are lines of its configuration, beside port and folder. */
  start(lines: readonly string[], mode?: 'redis' | 'sentinel'): Promise<OwnServer>
  /** A port of 127.0.0.1 that was free a moment ago. */
  freePort(): Promise<number>
  /** Ends them all and deletes their folders. */
  stop(): Promise<void>
}

const READY_LIMIT_MS = 10_000
const TRY_EVERY_MS = 20

/** Prepares starting servers, from the same binary as `startServices`. They end with `stop()` and with this process. Linux and macOS.
 *  @throws HF_REDIS_UNOBTAINABLE */
export async function startRedisServers(options: Pick<DevServicesOptions, 'env' | 'dataDir' | 'onProgress'> = {}): Promise<RedisServers> {
  const claimed: { slot?: Promise<Slot> } = {}
  const context = await createContext(options, false, new AbortController().signal, claimed)
  const binary = await findRedis(context)
  const slot = await context.slot()
  const servers: Server[] = []
  let count = 0
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map(server => server.stop()))
    slot.lock.release()
  }
  return {
    async start(lines, mode = 'redis') {
      const folder = join(slot.folder, `server-${count++}`)
      const server = new Server(context, binary, slot, folder, await findFreePort(), mode === 'sentinel')
      servers.push(server)
      server.configure(lines)
      await server.restart()
      return server
    },
    freePort: findFreePort,
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

class Server implements OwnServer {
  readonly url: string
  readonly port: number
  readonly client: Redis
  readonly #context: RunContext
  readonly #binary: RedisBinary
  readonly #slot: Slot
  readonly #folder: string
  readonly #isSentinel: boolean
  #child: ServiceChild | undefined

  constructor(context: RunContext, binary: RedisBinary, slot: Slot, folder: string, port: number, isSentinel: boolean) {
    this.#context = context
    this.#binary = binary
    this.#slot = slot
    this.#folder = folder
    this.#isSentinel = isSentinel
    this.port = port
    this.url = `redis://127.0.0.1:${port}`
    this.client = new Redis(this.url, { lazyConnect: true, retryStrategy: () => 50, enableReadyCheck: false, protocol: 2 })
    this.client.on('error', () => undefined)
  }

  get pid(): number {
    return this.#child!.identity.pid
  }

  configure(lines: readonly string[]): void {
    const account = this.#context.launcher.serviceAccount
    rmSync(this.#folder, { recursive: true, force: true })
    mkdirSync(this.#folder, { mode: 0o700 })
    const all = [`port ${this.port}`, 'bind 127.0.0.1', 'protected-mode no', `dir ${JSON.stringify(this.#folder)}`, 'daemonize no', ...lines]
    // A file, because Sentinel writes what it learns into it.
    writeFileSync(this.#file, `${all.join('\n')}\n`)
    if (account !== undefined) for (const path of [this.#folder, this.#file]) chownSync(path, account.uid, account.gid)
  }

  async restart(): Promise<void> {
    const context = this.#context
    const child = await spawnService({
      command: this.#binary.command,
      args: [this.#file, ...(this.#isSentinel ? ['--sentinel'] : [])],
      env: redisEnv(context, this.#binary),
      launcher: context.launcher,
      logFile: `${this.#folder}.log`,
      detached: false,
      stopLadder: [{ signal: 'SIGKILL', graceMs: 5000 }],
      deathSignal: 'SIGKILL',
    })
    this.#child = child
    this.#slot.lock.addChild(child.identity)
    const giveUpAt = Date.now() + READY_LIMIT_MS
    for (;;) {
      const isUp = await identifyRedis(this.url, 1000).then(
        () => true,
        () => false,
      )
      if (isUp) return
      if (child.exit() !== undefined || Date.now() > giveUpAt) throw new Error(`redis-server on port ${this.port} did not start\n${child.logTail()}`)
      await sleep(TRY_EVERY_MS)
    }
  }

  async kill(): Promise<void> {
    await this.#child?.stop()
  }

  async stop(): Promise<void> {
    this.client.disconnect()
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  get #file(): string {
    return join(this.#folder, 'redis.conf')
  }
}
