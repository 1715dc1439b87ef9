import { randomBytes } from 'node:crypto'
import { type AddressInfo, createServer } from 'node:net'
import { type DevServices, DevServicesError, startServices } from '@holdfast/dev-services'
import type { Advisor } from 'holdfast/postgres'
import { advisorFor } from '../database.ts'
import { formatCount } from '../render/measure.ts'
import type { Terminal } from '../terminal.ts'
import type { Cleanup } from './cleanup.ts'
import { type ConsoleProcess, startConsole } from './console-process.ts'
import { type DemoDataset, datasetUrl, prepareDataset } from './dataset.ts'
import { giveWay } from './give-way.ts'
import type { Narrator } from './narrator.ts'
import { type DemoService, type ServiceMode, type ServiceSettings, startService } from './service.ts'

/** What the caller of the demo chose. */
export interface DemoOptions {
  /** Port of the console; the service takes the next one. 0 takes free ones. */
  readonly port: number
  /** False: show the finding, change nothing. */
  readonly apply: boolean
  readonly plant: 'useless' | undefined
  readonly terminal: Terminal
  readonly env: NodeJS.ProcessEnv
  readonly signal: AbortSignal
}

/** A parallel scan would take every core at once and leave none for what measures it. No effect on a server from DATABASE_URL. */
const POSTGRES_SETTINGS = { max_parallel_workers_per_gather: '0' }
/** What the demo's service promises: p95 of all requests. */
export const OBJECTIVE_P95_MS = 50

/** Everything that runs while the demo does. */
export interface Stage {
  readonly services: DevServices
  readonly dataset: DemoDataset
  readonly console: ConsoleProcess
  readonly advisor: Advisor
  service(): DemoService
  /** Stops the service and starts it in another mode at the same address. */
  switchTo(mode: ServiceMode): Promise<void>
}

/** Starts services, data, service and console; each is stopped by `cleanup`. */
export async function raiseStage(options: DemoOptions, narrator: Narrator, cleanup: Cleanup): Promise<Stage> {
  const { terminal, env, signal, port } = options
  await assertPortFree(port)
  if (port !== 0) await assertPortFree(port + 1)
  narrator.say(`${terminal.paint('bold', 'Holdfast 0.1')} · demo · no account, nothing leaves this machine`)
  const services = await startServices({ env, postgresSettings: POSTGRES_SETTINGS, onProgress: line => narrator.add(terminal.paint('dim', line)) })
  cleanup.add(() => services.stop())
  sayServices(services, narrator, terminal)
  if (services.postgres.pid !== undefined) await giveWay(services.postgres.pid)
  signal.throwIfAborted()

  const instanceToken = randomBytes(24).toString('base64url')
  const settings: ServiceSettings = {
    port: port === 0 ? await freePort() : port + 1,
    databaseUrl: datasetUrl(services.postgres.url),
    redisUrl: services.cacheRedis?.url,
    jobsRedisUrl: jobsRedisUrl(services, narrator),
    instanceToken,
    signal,
  }
  // Beside the data: the console waits for its database by itself.
  const consoleStarting = startConsole(
    {
      port,
      objectiveP95Ms: OBJECTIVE_P95_MS,
      databaseUrl: settings.databaseUrl,
      redisUrl: settings.redisUrl,
      jobsRedisUrl: settings.jobsRedisUrl,
      instanceUrl: `http://127.0.0.1:${settings.port}/holdfast/instance`,
      token: randomBytes(24).toString('base64url'),
      instanceToken,
      signal,
    },
    narrator,
  )
  // Heard below; until then a failure must not count as unhandled.
  consoleStarting.catch(() => undefined)
  cleanup.add(() => consoleStarting.then(console => console.stop()))
  const dataset = await fillDataset(services, narrator)
  let starting = startService('plain', settings)
  cleanup.add(() => starting.then(running => running.stop()))
  const [plain, console] = await Promise.all([starting, consoleStarting])
  let service = plain
  narrator.say(`▶ Dashboard ${terminal.paint('cyan', console.url)}   API ${service.baseUrl}/agents/42/leads`)
  await console.event('deploy', MODE_MEANING.plain)
  watchServices(services, narrator, console, cleanup)

  return {
    services,
    dataset,
    console,
    advisor: advisorFor(dataset.url, line => narrator.add(terminal.paint('dim', line))),
    service: () => service,
    async switchTo(mode) {
      await service.stop()
      starting = startService(mode, settings)
      service = await starting
      await console.event('deploy', MODE_MEANING[mode])
    },
  }
}

/** A Redis of REDIS_URL is the cache's, which may evict, and then jobs refuse it. */
function jobsRedisUrl({ jobsRedis }: DevServices, narrator: Narrator): string | undefined {
  if (jobsRedis?.origin !== 'REDIS_URL') return jobsRedis?.url
  narrator.add('no Redis for jobs (REDIS_JOBS_URL is not set): what they would do is done inside the requests')
  return undefined
}

/** The service keeps its address over its restarts, so the port is chosen here. */
async function freePort(): Promise<number> {
  const probe = createServer()
  await new Promise<void>(resolve => probe.listen(0, '127.0.0.1', resolve))
  const { port } = probe.address() as AddressInfo
  await new Promise(resolve => probe.close(resolve))
  return port
}

/** Asked before anything is started, because an answer after half a minute of work helps nobody. @throws HF_CLI_PORT_TAKEN */
async function assertPortFree(port: number): Promise<void> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        new DevServicesError(
          'HF_CLI_PORT_TAKEN',
          `port ${port} of 127.0.0.1 ${error.code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${error.code})`}`,
          {
            hint: 'choose another one with --port, or --port 0 for a free one',
          },
        ),
      ),
    )
    probe.listen(port, '127.0.0.1', resolve)
  })
  await new Promise(resolve => probe.close(resolve))
}

const MODE_MEANING: Readonly<Record<ServiceMode, string>> = {
  plain: 'the service starts without Holdfast, so only the load generator is seen here',
  observe: 'the service starts with Holdfast measuring, the cache off',
  cache: 'the service starts with the cache on',
}

async function fillDataset(services: DevServices, narrator: Narrator): Promise<DemoDataset> {
  const startedAtMs = narrator.elapsedMs
  const dataset = await prepareDataset(services.postgres.url)
  const seconds = ((narrator.elapsedMs - startedAtMs) / 1000).toFixed(1)
  narrator.say(`✓ ${dataset.reused ? 'copied' : 'seeded'} ${formatCount(dataset.rows)} rows in ${seconds} s (${describeTables(dataset)})`)
  return dataset
}

function sayServices(services: DevServices, narrator: Narrator, terminal: Terminal): void {
  const { postgres, cacheRedis, redisProblem } = services
  const redis =
    cacheRedis === undefined
      ? terminal.paint('yellow', '○ no Redis: the cache lives in the process only')
      : `✓ ${cacheRedis.flavour === 'valkey' ? 'Valkey' : 'Redis'} ${cacheRedis.version} (${cacheRedis.origin})`
  narrator.say(`✓ PostgreSQL ${postgres.version} (${postgres.origin})   ${redis}`)
  if (redisProblem !== undefined) narrator.add(`${redisProblem.code}: ${redisProblem.message}; next: ${redisProblem.hint}`)
}

function describeTables({ tables }: DemoDataset): string {
  return Object.entries(tables)
    .sort(([, a], [, b]) => b - a)
    .slice(0, 3)
    .map(([name, rows]) => `${formatCount(rows)} ${name}`)
    .join(', ')
}

/** Says when a service dies in mid-demo. Redis may; without PostgreSQL the next step fails by itself. */
function watchServices(services: DevServices, narrator: Narrator, console: ConsoleProcess, cleanup: Cleanup): void {
  let ending = false
  cleanup.add(async () => {
    ending = true
  })
  const watch = (name: string, exited: Promise<{ code: number | null; signal: string | null }> | undefined, consequence: string): void => {
    void exited?.then(({ code, signal }) => {
      if (ending) return
      const text = `${name} ended (${signal ?? `exit ${code}`}); ${consequence}`
      narrator.incident(text)
      void console.event('service', text)
    })
  }
  watch('PostgreSQL', services.postgres.exited, 'the service cannot answer without it')
  watch('Redis (cache)', services.cacheRedis?.exited, 'the service goes on with the cache in its process')
  watch('Redis (jobs)', services.jobsRedis?.exited, 'jobs wait in PostgreSQL until it is back, and requests go on')
}
