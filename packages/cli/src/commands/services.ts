import { type ServicesState, servicesDown, servicesStatus, servicesUp } from '@holdfast/dev-services'
import type { CommandContext } from '../command-line.ts'
import { exitCode } from '../exit-code.ts'

/** `holdfast services up|down|status`. URLs hold a password of this machine's own throw-away server, so they are data (stdout), never talk. */
export async function services(options: { action: 'up' | 'down' | 'status' }, context: CommandContext): Promise<number> {
  const { terminal } = context
  if (options.action === 'down') {
    const stopped = await servicesDown({ env: context.env })
    if (context.json) terminal.json({ schema: 'holdfast.services/1', running: false, services: null })
    terminal.say(stopped ? '✓ services stopped' : 'no services were running')
    return exitCode.ok
  }
  const state =
    options.action === 'up'
      ? await servicesUp({ env: context.env, onProgress: line => terminal.say(line) })
      : await servicesStatus({ env: context.env })
  if (context.json) terminal.json({ schema: 'holdfast.services/1', running: state !== undefined, services: state ?? null })
  else if (state !== undefined) describe(state, context)
  if (state === undefined) terminal.say('no services are running; start them with: holdfast services up')
  return exitCode.ok
}

function describe(state: ServicesState, { terminal }: CommandContext): void {
  const { postgres, cacheRedis, jobsRedis } = state
  if (postgres !== undefined) terminal.data(`DATABASE_URL=${postgres.url}    # PostgreSQL ${postgres.version} (${postgres.origin})`)
  if (cacheRedis !== undefined) terminal.data(`REDIS_URL=${cacheRedis.url}    # ${cacheRedis.flavour} ${cacheRedis.version} (${cacheRedis.origin})`)
  if (jobsRedis !== undefined)
    terminal.data(`REDIS_JOBS_URL=${jobsRedis.url}    # ${jobsRedis.flavour} ${jobsRedis.version} (${jobsRedis.origin}), noeviction`)
}
