import { randomBytes } from 'node:crypto'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cacheFolder } from './cache-folder.ts'
import { DevServicesError } from './errors.ts'
import { type Lock, takeLock } from './lock.ts'
import { identifyProcess, isAlive, type ProcessIdentity } from './process-identity.ts'
import type { PostgresService, RedisService } from './service.ts'
import { type DevServicesOptions, startAll } from './start-services.ts'
import { sweepProcesses } from './sweep.ts'

/** A service that was started detached. */
export type ServiceName = 'postgres' | 'cacheRedis' | 'jobsRedis'

/** Services that outlive the process that started them. A service that has died is left out and named in `crashed`. */
export interface ServicesState {
  readonly postgres?: Omit<PostgresService, 'exited'>
  readonly cacheRedis?: Omit<RedisService, 'exited'>
  readonly jobsRedis?: Omit<RedisService, 'exited'>
  /** Why there is no Redis, when none could be had. */
  readonly redisProblem?: ReturnType<DevServicesError['toJSON']>
  /** Services that ended by themselves since they were started. `servicesUp()` starts all of them anew. */
  readonly crashed: readonly ServiceName[]
}

/** Reads DATABASE_URL, REDIS_URL, HOME, XDG_CACHE_HOME. Default `process.env`. */
export interface ServicesPlace {
  readonly env?: NodeJS.ProcessEnv
}

interface StateFile {
  readonly state: ServicesState
  readonly processes: Readonly<Partial<Record<ServiceName, ProcessIdentity>>>
}

const NAMES: readonly ServiceName[] = ['postgres', 'cacheRedis', 'jobsRedis']

/** Starts the services so that they outlive this process, or returns those that run already. When one of them has died, all are started anew,
 *  on the same data. Their state is kept, readable for this account only, in the cache folder.
 *  @throws as `startServices`. */
export function servicesUp(options: DevServicesOptions = {}): Promise<ServicesState> {
  return exclusively(options, async () => {
    const running = await servicesStatus(options)
    if (running !== undefined && running.crashed.length === 0) return running
    await endAll(options)
    const { services, slot } = await startAll(options, true)
    const { cacheRedis, jobsRedis, redisProblem } = services
    const postgres = (options.only?.includes('postgres') ?? true) ? services.postgres : undefined
    const started = { ...(postgres && { postgres }), ...(cacheRedis && { cacheRedis }), ...(jobsRedis && { jobsRedis }) }
    try {
      const processes = identities(started)
      const state: ServicesState = { ...withoutPromises(started), ...(redisProblem && { redisProblem: redisProblem.toJSON() }), crashed: [] }
      writeState(options, { state, processes })
      const keeper = processes.postgres ?? processes.cacheRedis ?? processes.jobsRedis
      if (keeper !== undefined) slot?.lock.handOver(keeper)
      return state
    } catch (error) {
      await services.stop()
      throw error
    }
  })
}

/** Ends the services that `servicesUp` started. True when there were any. Resolves within 6 s. */
export function servicesDown(place: ServicesPlace = {}): Promise<boolean> {
  return exclusively(place, () => endAll(place))
}

/** What runs of the services that `servicesUp` started; undefined when nothing does. Asks the system for processes, not the servers. */
export async function servicesStatus(place: ServicesPlace = {}): Promise<ServicesState | undefined> {
  const file = readState(place)
  if (file === undefined) return undefined
  const crashed = NAMES.filter(name => hasDied(file, name))
  const alive = NAMES.filter(name => file.state[name] !== undefined && !crashed.includes(name))
  if (alive.length === 0) return undefined
  const { redisProblem } = file.state
  const live = Object.fromEntries(alive.map(name => [name, file.state[name]])) as Pick<ServicesState, ServiceName>
  return { ...live, ...(redisProblem && { redisProblem }), crashed }
}

/** A server that is not ours has no process here and cannot be seen dying. */
function hasDied(file: StateFile, name: ServiceName): boolean {
  const identity = file.processes[name]
  return identity !== undefined && !isAlive(identity)
}

async function endAll(place: ServicesPlace): Promise<boolean> {
  const file = readState(place)
  if (file === undefined) return false
  const { postgres, cacheRedis, jobsRedis } = file.processes
  const redis = [cacheRedis, jobsRedis].filter(identity => identity !== undefined)
  const wasRunning = (await servicesStatus(place)) !== undefined
  // SIGINT is PostgreSQL's fast shutdown, with a checkpoint: the next start needs no recovery.
  await Promise.all([sweepProcesses(postgres === undefined ? [] : [postgres], 'SIGINT', 5000), sweepProcesses(redis, 'SIGTERM', 5000)])
  rmSync(stateFile(place), { force: true })
  return wasRunning
}

const TRY_EVERY_MS = 50
/** A first `up` may be fetching packages meanwhile. */
const TRIES = 2400

/** One `up` or `down` at a time for each cache folder. */
async function exclusively<T>(place: ServicesPlace, work: () => Promise<T>): Promise<T> {
  const path = `${stateFile(place)}.lock`
  let lock: Lock | undefined
  for (let attempt = 0; attempt < TRIES; attempt++) {
    lock = await takeLock(path)
    if (lock !== undefined) break
    await sleep(TRY_EVERY_MS)
  }
  if (lock === undefined) {
    const waitedS = (TRIES * TRY_EVERY_MS) / 1000
    throw new DevServicesError('HF_PG_START_FAILED', `another \`services up\` or \`down\` has held ${path} for ${waitedS} s`, {
      hint: 'end the other command and try again',
    })
  }
  try {
    return await work()
  } finally {
    lock.release()
  }
}

function identities(started: Partial<Record<ServiceName, { readonly pid?: number }>>): Partial<Record<ServiceName, ProcessIdentity>> {
  const found: Partial<Record<ServiceName, ProcessIdentity>> = {}
  for (const name of NAMES) {
    const pid = started[name]?.pid
    const identity = pid === undefined ? undefined : identifyProcess(pid)
    if (identity !== undefined) found[name] = identity
  }
  return found
}

function withoutPromises(started: {
  postgres?: PostgresService
  cacheRedis?: RedisService
  jobsRedis?: RedisService
}): Pick<ServicesState, ServiceName> {
  // A promise has no own properties, so JSON leaves an empty object; dropped by name.
  return JSON.parse(JSON.stringify(started, (key, value) => (key === 'exited' ? undefined : value)))
}

function stateFile(place: ServicesPlace): string {
  return join(cacheFolder(place.env ?? process.env), 'services.json')
}

function readState(place: ServicesPlace): StateFile | undefined {
  try {
    return JSON.parse(readFileSync(stateFile(place), 'utf8')) as StateFile
  } catch {
    return undefined
  }
}

function writeState(place: ServicesPlace, file: StateFile): void {
  const path = stateFile(place)
  const draft = `${path}.${randomBytes(4).toString('hex')}`
  writeFileSync(draft, JSON.stringify(file, null, 2), { mode: 0o600 })
  renameSync(draft, path)
}
