import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { serverPath } from '@holdfast-examples/leads'
import type { InstanceSnapshot } from 'holdfast'
import { type Child, startChild } from './child.ts'
import { giveWay } from './give-way.ts'

/** `plain`: Holdfast is not loaded. `observe`: it measures. `cache`: and caches. */
export type ServiceMode = 'plain' | 'observe' | 'cache'

/** The example service, running in a process of its own. */
export interface DemoService extends Child<{ readonly port: number }> {
  readonly baseUrl: string
  readonly mode: ServiceMode
  /** What the instance knows of itself; undefined in plain mode and when it does not answer. */
  snapshot(): Promise<InstanceSnapshot | undefined>
}

/** What the service needs to run. */
export interface ServiceSettings {
  readonly port: number
  readonly databaseUrl: string
  readonly redisUrl: string | undefined
  /** Undefined: the service does inside its requests what its jobs would do. */
  readonly jobsRedisUrl: string | undefined
  readonly instanceToken: string
  readonly signal: AbortSignal
}

const SNAPSHOT_LIMIT_MS = 2000
/** Twice the cores and one: more connections than PostgreSQL has processors for only queue there instead of in the pool, and starve what measures. */
const POOL_MAX = availableParallelism() * 2 + 1

/** Starts the service in `mode`. @throws HF_CLI_SERVICE_DIED */
export async function startService(mode: ServiceMode, settings: ServiceSettings): Promise<DemoService> {
  const { REDIS_URL: _cache, REDIS_JOBS_URL: _jobs, ...env } = process.env
  const child = await startChild({
    name: `leads service (${mode})`,
    module: fileURLToPath(serverPath),
    env: {
      ...env,
      NODE_ENV: 'production',
      PORT: String(settings.port),
      DATABASE_URL: settings.databaseUrl,
      ...(settings.redisUrl === undefined ? {} : { REDIS_URL: settings.redisUrl }),
      ...(settings.jobsRedisUrl === undefined ? {} : { REDIS_JOBS_URL: settings.jobsRedisUrl }),
      LEADS_MODE: mode,
      LEADS_POOL_MAX: String(POOL_MAX),
      HOLDFAST_INSTANCE_TOKEN: settings.instanceToken,
    },
    readReady: line => ((line as { ready?: boolean }).ready ? (line as { port: number }) : undefined),
    signal: settings.signal,
  })
  await giveWay(child.pid)
  const baseUrl = `http://127.0.0.1:${child.ready.port}`
  return { ...child, baseUrl, mode, snapshot: () => readSnapshot(baseUrl, settings.instanceToken) }
}

async function readSnapshot(baseUrl: string, token: string): Promise<InstanceSnapshot | undefined> {
  try {
    const response = await fetch(`${baseUrl}/holdfast/instance`, {
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(SNAPSHOT_LIMIT_MS),
    })
    return response.ok ? ((await response.json()) as InstanceSnapshot) : undefined
  } catch {
    // It may be stopping, or be the plain one; the caller shows a dash.
    return undefined
  }
}
