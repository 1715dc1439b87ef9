import { type ConfigProblems, collectConfigProblems } from 'holdfast/core'
import { TOKEN_MIN_LENGTH } from './auth/console-auth.ts'
import type { ConsoleOptions } from './console.ts'

const KNOWN_OPTIONS: ReadonlySet<string> = new Set([
  'service',
  'sources',
  'advisor',
  'cache',
  'responses',
  'database',
  'archivePolicies',
  'cdn',
  'jobs',
  'auth',
  'objectives',
  'environment',
  'clock',
  'logger',
  'assetsDir',
])

/** @throws HF_CONFIG_INVALID naming every bad option at once. */
export function validateOptions(options: ConsoleOptions): void {
  const problems = collectConfigProblems()
  for (const key of Object.keys(options)) {
    if (!KNOWN_OPTIONS.has(key)) problems.add(key, `is not an option; known are ${[...KNOWN_OPTIONS].join(', ')}`)
  }
  const { sources, auth, objectives, environment } = options
  if (!Array.isArray(sources) || sources.length === 0) problems.add('sources', 'must name at least one instance')
  else if (new Set(sources.map(source => source.id)).size < sources.length) problems.add('sources', 'every instance must have an id of its own')
  if (auth?.kind === 'token') {
    if (typeof auth.token !== 'string' || auth.token.length < TOKEN_MIN_LENGTH)
      problems.add('auth.token', `must have at least ${TOKEN_MIN_LENGTH} characters`)
  } else if (typeof auth?.verify !== 'function') {
    problems.add('auth', "must be { kind: 'token', token } or { kind: 'basic' or 'custom', verify }")
  }
  if (objectives !== undefined && !(objectives.p95Ms > 0)) problems.add('objectives.p95Ms', 'must be a number of milliseconds above 0')
  if (environment !== undefined && environment !== 'development' && environment !== 'production') {
    problems.add('environment', "must be 'development' or 'production'")
  }
  checkPorts(options, problems)
  problems.throwIfAny('createConsole()')
}

/** What the console is given to reach the rest of the service by. */
function checkPorts({ database, jobs, cdn }: ConsoleOptions, problems: ConfigProblems): void {
  if (database !== undefined && typeof database.connect !== 'function') problems.add('database.connect', 'must be a function that opens a connection')
  if (jobs !== undefined && typeof jobs.queues !== 'function') problems.add('jobs', 'must be the `store` of jobs')
  if (cdn !== undefined && typeof cdn.status !== 'function') problems.add('cdn', 'must be `hf.cdn`, or made by createCdnDesk()')
}
