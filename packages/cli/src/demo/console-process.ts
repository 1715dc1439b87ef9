import { fileURLToPath } from 'node:url'
import type { ConsoleEvent, LoadState } from '@holdfast/console'
import { systemClock } from 'holdfast/core'
import { type Child, startChild } from './child.ts'
import { giveWay } from './give-way.ts'
import type { Narrator } from './narrator.ts'

/** The console, in a process of its own, so that its death cannot touch the service. When it dies it is started again at the same address. */
export interface ConsoleProcess {
  /** Address with the token. */
  readonly url: string
  /** Puts an event into the lane under the charts. Never rejects: a console that is away misses it. */
  event(kind: ConsoleEvent['kind'], text: string): Promise<void>
  load(state: LoadState | null): Promise<void>
  stop(): Promise<void>
}

/** What the console needs to run. */
export interface ConsoleSettings {
  readonly port: number
  readonly objectiveP95Ms: number
  readonly databaseUrl: string
  /** Redis of the cache; undefined: the Cache page shows measurements only. */
  readonly redisUrl: string | undefined
  /** Redis of the jobs; undefined: the Jobs page shows measurements only. */
  readonly jobsRedisUrl: string | undefined
  readonly instanceUrl: string
  readonly token: string
  readonly instanceToken: string
  readonly signal: AbortSignal
}

interface Served {
  readonly url: string
  readonly port: number
}

const POST_LIMIT_MS = 1000
/** Starts after deaths, so that a console that cannot live does not spin. */
const RESTART_LIMIT = 3

/** Starts the console and keeps it up.
 *  @throws HF_CONSOLE_PORT_TAKEN, HF_CLI_SERVICE_DIED */
export async function startConsole(settings: ConsoleSettings, narrator: Narrator): Promise<ConsoleProcess> {
  let stopping = false
  let restartCount = 0
  let child = await launch(settings, settings.port)
  const { url, port } = child.ready

  const watch = async (): Promise<void> => {
    const { code, signal } = await child.exited
    if (stopping) return
    narrator.incident(`the console ended (${signal ?? `exit ${code}`}); the service goes on without it`)
    if (restartCount++ >= RESTART_LIMIT) {
      narrator.incident('the console is not started again: it has died too often')
      return
    }
    try {
      child = await launch(settings, port)
      narrator.say(`console is back at ${url}`)
      void watch()
    } catch (error) {
      narrator.incident(`the console could not be started again: ${(error as Error).message}`)
    }
  }
  void watch()

  const post = async (path: string, body: unknown): Promise<void> => {
    await fetch(new URL(path, url), {
      method: 'POST',
      headers: { authorization: `Bearer ${settings.token}`, 'content-type': 'application/json', 'x-holdfast-csrf': '1' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(POST_LIMIT_MS),
    }).catch(() => undefined)
  }

  return {
    url,
    event: (kind, text) => post('api/events', { atMs: systemClock.nowMs(), kind, text }),
    load: state => post('api/load', state),
    async stop() {
      stopping = true
      await child.stop()
    },
  }
}

async function launch(settings: ConsoleSettings, port: number): Promise<Child<Served>> {
  const { REDIS_URL: _cache, REDIS_JOBS_URL: _jobs, ...env } = process.env
  const child = await startChild<Served>({
    name: 'console',
    module: fileURLToPath(new URL('../../bin/holdfast.mjs', import.meta.url)),
    args: [
      'console',
      '--json',
      '--service',
      'leads',
      '--namespace',
      'leads',
      '--objective',
      `${settings.objectiveP95Ms}ms`,
      '--port',
      String(port),
      '--instance',
      settings.instanceUrl,
    ],
    env: {
      ...env,
      ...(settings.redisUrl === undefined ? {} : { REDIS_URL: settings.redisUrl }),
      ...(settings.jobsRedisUrl === undefined ? {} : { REDIS_JOBS_URL: settings.jobsRedisUrl }),
      DATABASE_URL: settings.databaseUrl,
      HOLDFAST_CONSOLE_TOKEN: settings.token,
      HOLDFAST_INSTANCE_TOKEN: settings.instanceToken,
    },
    readReady: line => ((line as { schema?: string }).schema === 'holdfast.console/1' ? (line as Served) : undefined),
    signal: settings.signal,
  })
  await giveWay(child.pid)
  return child
}
