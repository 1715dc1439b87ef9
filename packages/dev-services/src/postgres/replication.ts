import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheFolder } from '../cache-folder.ts'
import { DevServicesError, reasonOf } from '../errors.ts'
import { findFreePort } from '../free-port.ts'
import type { RunContext } from '../run-context.ts'
import type { Slot } from '../slot.ts'
import { createContext } from '../start-services.ts'
import { takeBaseBackup } from './base-backup.ts'
import { findPostgres, type PostgresBinaries } from './binaries.ts'
import { type DataFolder, prepareDataFolder, SUPERUSER } from './data-folder.ts'
import { withClient } from './probe.ts'
import { type OwnPostgres, startOnFolder } from './server.ts'
import { signalServer } from './server-processes.ts'

/** How to start a primary with replicas. */
export interface ReplicationOptions {
  /** Default 1. */
  readonly replicas?: number
  /** More settings of every server, as `postgres -c`. */
  readonly settings?: Readonly<Record<string, string>>
  /** As of `startServices`. DATABASE_URL is not read: the servers are always our own. */
  readonly env?: NodeJS.ProcessEnv
  readonly dataDir?: string
  readonly onProgress?: (line: string) => void
}

/** A server of a replication: the primary, or a hot standby that streams from it. */
export interface ReplicaServer {
  /** Connection string of the superuser, with the password. Stays the same over `restart`. */
  readonly url: string
  /** Ends the server and all its processes with SIGKILL. */
  kill(): Promise<void>
  /** SIGSTOP to all its processes: the server accepts connections and answers nothing. */
  freeze(): void
  /** SIGCONT. */
  thaw(): void
  /** Starts it again after `kill`, on the same port and data. */
  restart(): Promise<void>
}

/** A primary with replicas, of a test. All of it ends with `stop()` and with this process. */
export interface Replication extends AsyncDisposable {
  readonly primary: ReplicaServer
  readonly replicas: readonly ReplicaServer[]
  stop(): Promise<void>
}

const DATABASE = 'holdfast'
/** What a replica still needs after its copy was taken, and while it is down. */
const KEEP_WAL = '256MB'
const STREAMING_LIMIT_MS = 20_000
const LOOK_MS = 20

/** Starts a primary and copies of it that follow it by streaming replication, asynchronously, on free ports of 127.0.0.1. Without fsync. About 2 s; the first time
 *  1 s more for initdb. @throws HF_PG_UNOBTAINABLE, HF_PG_START_FAILED, HF_CLI_DISK_FULL. Nothing is left running then. */
export async function startReplication(options: ReplicationOptions = {}): Promise<Replication> {
  const env = options.env ?? process.env
  const claimed: { slot?: Promise<Slot> } = {}
  const running: RunningServer[] = []
  let stopping: Promise<void> | undefined
  const stopAll = async (): Promise<void> => {
    // Replicas first: a primary that shuts down waits until they have everything.
    for (const server of running.reverse()) await server.stop()
    const slot = await claimed.slot?.catch(() => undefined)
    slot?.lock.release()
  }
  const stop = (): Promise<void> => {
    stopping ??= stopAll()
    return stopping
  }
  try {
    const dataDir = options.dataDir ?? join(cacheFolder(env), 'replication-data')
    const context = await createContext({ ...options, env, dataDir, durable: false }, false, new AbortController().signal, claimed)
    const binaries = await findPostgres(context)
    // By default a replica that lost its primary tries again only after 5 s.
    const settings = { wal_level: 'replica', wal_keep_size: KEEP_WAL, wal_retrieve_retry_interval: '100ms', ...options.settings }
    const data = await prepareDataFolder(context, binaries)
    const primary = new RunningServer(context, binaries, data, settings, 'postgres.log')
    running.push(primary)
    await primary.start()
    const count = options.replicas ?? 1
    const numbers = Array.from({ length: count }, (_, at) => at + 1)
    const replicas = await Promise.all(numbers.map(number => addReplica(context, binaries, { primary, data, settings, number })))
    running.push(...replicas)
    await allOrError(replicas.map(replica => replica.start()))
    await untilStreaming(primary.url, count)
    return { primary, replicas, stop, [Symbol.asyncDispose]: stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Waits for all, so that one which starts beside a failure is known when everything is stopped. */
async function allOrError(starts: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(starts)).find(({ status }) => status === 'rejected')
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason
}

interface NewReplica {
  readonly primary: RunningServer
  readonly data: DataFolder
  readonly settings: Readonly<Record<string, string>>
  readonly number: number
}

async function addReplica(context: RunContext, binaries: PostgresBinaries, { primary, data, settings, number }: NewReplica): Promise<RunningServer> {
  const { folder } = await context.slot()
  const home = join(folder, `replica-${number}`)
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home)
  chmodSync(home, 0o711)
  const copy: DataFolder = { path: join(home, 'data'), password: data.password }
  const { serviceAccount } = context.launcher
  context.progress(`copying the data for replica ${number}`)
  await takeBaseBackup({ url: primary.url, major: binaries.major, from: data.path, to: copy.path, serviceAccount })
  const { port } = new URL(primary.url)
  const primaryConninfo = `host=127.0.0.1 port=${port} user=${SUPERUSER} password=${data.password} application_name=replica_${number}`
  return new RunningServer(context, binaries, copy, { ...settings, primary_conninfo: primaryConninfo }, `replica-${number}.log`)
}

class RunningServer implements ReplicaServer {
  readonly #context: RunContext
  readonly #binaries: PostgresBinaries
  readonly #data: DataFolder
  readonly #settings: Readonly<Record<string, string>>
  readonly #logName: string
  #server: OwnPostgres | undefined
  #port: number | undefined

  constructor(context: RunContext, binaries: PostgresBinaries, data: DataFolder, settings: Readonly<Record<string, string>>, logName: string) {
    this.#context = context
    this.#binaries = binaries
    this.#data = data
    this.#settings = settings
    this.#logName = logName
  }

  get url(): string {
    return `postgres://${SUPERUSER}:${this.#data.password}@127.0.0.1:${this.#port}/${DATABASE}`
  }

  async start(): Promise<void> {
    this.#port ??= await findFreePort()
    const options = { databaseName: DATABASE, settings: this.#settings, port: this.#port }
    this.#server = await startOnFolder(this.#context, this.#binaries, this.#data, options, this.#logName)
  }

  async kill(): Promise<void> {
    const { pid, exited } = this.#server!.service
    signalServer(pid!, 'SIGKILL')
    await exited
    rmSync(join(this.#data.path, 'postmaster.pid'), { force: true })
  }

  freeze(): void {
    signalServer(this.#server!.service.pid!, 'SIGSTOP')
  }

  thaw(): void {
    signalServer(this.#server!.service.pid!, 'SIGCONT')
  }

  restart(): Promise<void> {
    return this.start()
  }

  async stop(): Promise<void> {
    if (this.#server === undefined) return
    // A stopped process hears no other signal than SIGKILL.
    if (this.#server.child.exit() === undefined) this.thaw()
    await this.#server.child.stop()
  }
}

async function untilStreaming(url: string, count: number): Promise<void> {
  const giveUpAt = Date.now() + STREAMING_LIMIT_MS
  await withClient(url, async client => {
    for (;;) {
      const { rows } = await client.query<{ count: number }>(`select count(*)::int as count from pg_stat_replication where state = 'streaming'`)
      if (rows[0]!.count >= count) return
      if (Date.now() > giveUpAt) throw new DevServicesError('HF_PG_START_FAILED', `${rows[0]!.count} of ${count} replicas stream after 20 s`)
      await sleep(LOOK_MS)
    }
  }).catch((error: unknown) => {
    if (error instanceof DevServicesError) throw error
    throw new DevServicesError('HF_PG_START_FAILED', `the primary does not say who streams: ${reasonOf(error)}`, { cause: error })
  })
}
