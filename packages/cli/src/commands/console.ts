import { randomBytes } from 'node:crypto'
import { createConsole, remoteInstance, serveConsole } from '@holdfast/console'
import { holdfast } from 'holdfast'
import { cdnProvidersFromEnv } from 'holdfast/cdn'
import { parseDurationMs } from 'holdfast/core'
import { createJobStore } from 'holdfast/jobs'
import type { CommandContext } from '../command-line.ts'
import { advisorFor, connectTo, databaseUrl } from '../database.ts'
import { cliErrors } from '../errors.ts'
import { exitCode } from '../exit-code.ts'
import { parsePort } from '../port.ts'

interface ConsoleCommandOptions {
  readonly instance: readonly string[]
  readonly service: string
  readonly port: string
  readonly objective?: string
  /** Of the cache in REDIS_URL, and of the jobs in REDIS_JOBS_URL. */
  readonly namespace: string
}

/** `holdfast console`: serves until interrupted. The token is HOLDFAST_CONSOLE_TOKEN, else a fresh one; the URL on stdout carries it.
 *  With REDIS_URL the Cache page can look up keys and drop them, also at the CDNs that the environment names, whose purges it shows; with REDIS_JOBS_URL the Jobs page shows the queues
 *  and works on them. */
export async function serve(options: ConsoleCommandOptions, context: CommandContext): Promise<number> {
  const { env, terminal, signal } = context
  const port = parsePort(options.port)
  const objectives = options.objective === undefined ? {} : { objectives: { p95Ms: parseDurationMs(options.objective) } }
  const token = env.HOLDFAST_CONSOLE_TOKEN ?? randomBytes(24).toString('base64url')
  const url = await databaseUrl(context)
  const providers = cdnProvidersFromEnv(env)
  // Does not hold the console up: a Redis that is away is tried again in the background, and the page says so.
  const hf =
    env.REDIS_URL || providers.length > 0
      ? await holdfast({
          ...(env.REDIS_URL ? { redis: env.REDIS_URL } : {}),
          cache: { namespace: options.namespace, l1: false },
          // Purges wait in the database for the CDN, beside those of the services.
          ...(providers.length === 0 ? {} : { pg: url, cdn: { providers } }),
        })
      : undefined
  const jobs = env.REDIS_JOBS_URL ? createJobStore({ redis: env.REDIS_JOBS_URL, namespace: options.namespace }) : undefined
  try {
    const console = createConsole({
      service: options.service,
      sources: options.instance.map(url => remoteInstance(parseInstanceUrl(url), env.HOLDFAST_INSTANCE_TOKEN ?? '')),
      advisor: advisorFor(url, () => {}),
      database: { connect: () => connectTo(url) },
      auth: { kind: 'token', token },
      ...objectives,
      ...(hf === undefined || !env.REDIS_URL ? {} : { cache: hf.cache, responses: hf.responses }),
      ...(hf === undefined || providers.length === 0 ? {} : { cdn: hf.cdn }),
      ...(jobs === undefined ? {} : { jobs }),
    })
    try {
      const served = await serveConsole(console, { port })
      try {
        if (context.json) terminal.json({ schema: 'holdfast.console/1', url: served.url, port: served.port })
        else terminal.data(served.url)
        await interrupted(signal)
      } finally {
        await served.stop()
      }
    } finally {
      await console.stop()
    }
  } finally {
    await hf?.stop()
    await jobs?.close()
  }
  return exitCode.ok
}

/** @throws HF_CLI_USAGE */
function parseInstanceUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text
  throw cliErrors.create('HF_CLI_USAGE', '--instance: is not an http or https URL', {
    hint: 'write the address of the instance, for example --instance http://127.0.0.1:3000/holdfast/instance',
  })
}

/** Resolves on SIGINT or SIGTERM, and when the process that forked this one is gone. */
function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = (): void => {
      // A listener on the channel keeps the process alive.
      process.off('disconnect', end)
      resolve()
    }
    // Interrupted while it was starting: a listener added now would keep the process until it is killed.
    if (signal.aborted) return end()
    signal.addEventListener('abort', end, { once: true })
    process.once('disconnect', end)
  })
}
