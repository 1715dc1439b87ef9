import { StartupError } from './startup-error.ts'

/** `plain`: Holdfast is not created. `observe`: it measures, nothing is cached. `cache`: all of it. */
export type Mode = 'plain' | 'observe' | 'cache'

/** The settings of the service, checked. */
export interface Environment {
  /** 0: the system chooses a free one. */
  readonly port: number
  readonly databaseUrl: string
  /** Not used in the mode `plain`. Absent: the cache lives in this process alone. */
  readonly redisUrl: string | undefined
  /** A Redis that evicts nothing, for the jobs. Not used in the mode `plain`. Absent: what they would do is done inside the requests. */
  readonly jobsRedisUrl: string | undefined
  /** `inside`: this process works the queues too. `apart`: processes of `worker.js` do. */
  readonly workers: Workers
  /** Two services that share a Redis and not a database need two. Default `leads`. */
  readonly cacheNamespace: string
  readonly mode: Mode
  readonly poolMax: number
  /** Lets a console read the measurements. Absent: nobody can. */
  readonly instanceToken: string | undefined
  /** Requests of one address in a minute to what writes and to `/v2`, in the mode `cache`. Default 30,000: a load generator is one address. */
  readonly requestsPerMinute: number
  /** Lets a client hear what changes. Absent: nobody can. */
  readonly liveToken: string | undefined
  /** Signs cursors of `/v2`. Absent: made anew at each start, and then cursors are good for one process. */
  readonly cursorSecret: string | undefined
  /** End when stdin is closed. */
  readonly exitWithParent: boolean
}

/** Where jobs are worked. */
export type Workers = 'inside' | 'apart'

const MODES: readonly Mode[] = ['plain', 'observe', 'cache']
const WORKERS: readonly Workers[] = ['inside', 'apart']

/** @throws LEADS_BAD_ENVIRONMENT naming everything that is wrong at once */
export function readEnvironment(env: NodeJS.ProcessEnv): Environment {
  const problems: string[] = []
  const integer = (name: string, fallback: number, min: number, max: number): number => {
    const text = env[name] || String(fallback)
    const value = Number(text)
    if (!/^\d+$/.test(text) || value < min || value > max)
      problems.push(`${name} must be an integer from ${min} to ${max}, got ${JSON.stringify(text)}`)
    return value
  }
  const url = (name: string, protocols: readonly string[]): string | undefined => {
    const text = env[name] || undefined
    // The value is not repeated: it may hold a password.
    if (text !== undefined && !(URL.canParse(text) && protocols.includes(new URL(text).protocol)))
      problems.push(`${name} must be a URL that starts with ${protocols.join('// or ')}//`)
    return text
  }

  const databaseUrl = url('DATABASE_URL', ['postgres:', 'postgresql:'])
  if (databaseUrl === undefined) problems.push('DATABASE_URL is not set')
  const mode = (env.LEADS_MODE || 'cache') as Mode
  if (!MODES.includes(mode)) problems.push(`LEADS_MODE must be one of ${MODES.join(', ')}, got ${JSON.stringify(mode)}`)
  const workers = (env.LEADS_WORKERS || 'inside') as Workers
  if (!WORKERS.includes(workers)) problems.push(`LEADS_WORKERS must be one of ${WORKERS.join(', ')}, got ${JSON.stringify(workers)}`)
  const environment: Environment = {
    port: integer('PORT', 3000, 0, 65_535),
    databaseUrl: databaseUrl ?? '',
    redisUrl: url('REDIS_URL', ['redis:', 'rediss:']),
    jobsRedisUrl: url('REDIS_JOBS_URL', ['redis:', 'rediss:']),
    workers,
    cacheNamespace: env.LEADS_CACHE_NAMESPACE || 'leads',
    mode,
    poolMax: integer('LEADS_POOL_MAX', 10, 2, 100),
    instanceToken: env.HOLDFAST_INSTANCE_TOKEN || undefined,
    requestsPerMinute: integer('LEADS_REQUESTS_PER_MINUTE', 30_000, 1, 1_000_000),
    liveToken: env.LEADS_LIVE_TOKEN || undefined,
    cursorSecret: env.LEADS_CURSOR_SECRET || undefined,
    exitWithParent: env.LEADS_EXIT_WITH_PARENT === '1',
  }
  if (problems.length > 0)
    throw new StartupError('LEADS_BAD_ENVIRONMENT', problems.join('; '), { hint: 'examples/leads/README.md lists the settings', exitCode: 2 })
  return environment
}
