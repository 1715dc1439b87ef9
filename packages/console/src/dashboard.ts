import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type { InstanceSnapshot } from 'holdfast'
import type { TieredCache } from 'holdfast/cache'
import type { CdnDesk } from 'holdfast/cdn'
import type { Logger } from 'holdfast/core'
import type { JobStore } from 'holdfast/jobs'
import { problemResponse } from './api/problem.ts'
import type { ConsoleAuth } from './auth/console-auth.ts'
import { isLoopbackAddress } from './auth/request-guards.ts'
import type { PurgedResponses } from './cache/cache-control.ts'
import { localInstance } from './collect/instance-source.ts'
import { type Console, type ConsoleOptions, createConsole } from './console.ts'
import { connectionsBeside, type PoolOwner } from './database/pool-connections.ts'
import { consoleErrors } from './errors.ts'
import { advisorOfPool } from './findings/pool-advisor.ts'
import { answerNodeRequest, type NodeRequest } from './node/answer-node-request.ts'

/** Options of {@link dashboard}; those of a console, but the sources are known, auth may be absent in development, and advisor and database are by default those of the
 *  service's own pool, the queues those of `hf.jobs`, and the CDNs those of `hf.cdn`. */
export interface DashboardOptions extends Omit<ConsoleOptions, 'sources' | 'auth'> {
  /** Absent in development: loopback only, with a generated token that the logger prints. In production a kind other than `token` is required. */
  readonly auth?: ConsoleAuth
}

/** The part of an Express request read here. */
export interface DashboardRequest extends NodeRequest {
  readonly baseUrl?: string
  readonly originalUrl?: string
}

/** An Express-compatible handler. */
export interface DashboardHandler {
  (request: DashboardRequest, response: ServerResponse, next?: (error?: unknown) => void): void
  /** The console behind it; stop it when the application stops. It does not keep the process alive. */
  readonly console: Console
}

/** The part of a Holdfast that a dashboard reads. */
export interface DashboardService extends PoolOwner {
  snapshot(): InstanceSnapshot
  readonly cache?: TieredCache
  readonly responses?: PurgedResponses
  readonly jobs?: { readonly store: JobStore }
  readonly cdn?: CdnDesk
}

/** The console of this process as a handler: `app.use('/holdfast', dashboard(hf))`. Starts to collect at once.
 *  @throws HF_CONSOLE_AUTH_REQUIRED in production without auth of kind basic or custom.
 *  @throws HF_CONFIG_INVALID naming every bad option at once. */
export function dashboard(hf: DashboardService, options: DashboardOptions = {}): DashboardHandler {
  const environment = options.environment ?? (process.env.NODE_ENV === 'production' ? 'production' : 'development')
  if (environment === 'production' && (options.auth === undefined || options.auth.kind === 'token')) {
    throw consoleErrors.create('HF_CONSOLE_AUTH_REQUIRED', 'a dashboard was mounted in production with nothing but a token to protect it')
  }
  const auth = options.auth ?? { kind: 'token', token: randomBytes(24).toString('base64url') }
  const console = createConsole({
    ...options,
    ...partsOf(hf, options),
    auth,
    environment,
    sources: [localInstance(hf)],
  })
  if (options.auth === undefined && auth.kind === 'token') announce(auth.token, options.logger)
  console.start().catch(error => options.logger?.error({ err: error }, 'the console did not start'))

  const handler = (request: DashboardRequest, response: ServerResponse): void => {
    const slash = slashRedirect(request)
    if (slash !== undefined) {
      response.writeHead(308, { location: slash }).end()
      return
    }
    void answerNodeRequest(request, response, webRequest => {
      if (auth.kind === 'token' && !isLoopbackAddress(request.socket.remoteAddress)) {
        return problemResponse(
          consoleErrors.create('HF_CONSOLE_HOST', `the request comes from ${request.socket.remoteAddress}, not from this machine`),
        )
      }
      return console.fetch(webRequest, { mountPath: request.baseUrl ?? '' })
    })
  }
  return Object.assign(handler, { console })
}

/** What the options do not name, of the service itself. */
function partsOf(hf: DashboardService, options: DashboardOptions): Partial<DashboardOptions> {
  const connect = connectionsBeside(hf)
  const parts = {
    advisor: options.advisor ?? advisorOfPool(hf),
    cache: options.cache ?? hf.cache,
    responses: options.responses ?? hf.responses,
    database: options.database ?? (connect && { connect }),
    jobs: options.jobs ?? orNone(() => hf.jobs?.store),
    cdn: options.cdn ?? orNone(() => hf.cdn),
  }
  return Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== undefined))
}

/** `hf.jobs` and `hf.cdn` throw when there are none. */
function orNone<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

/** `/holdfast` without the slash would make the browser look for the assets beside it. Relative, so that it holds behind a prefix too. */
function slashRedirect({ method, originalUrl = '', baseUrl = '' }: DashboardRequest): string | undefined {
  const [path = '', query] = originalUrl.split('?', 2)
  if (method !== 'GET' || baseUrl === '' || path !== baseUrl) return undefined
  return `${path.slice(path.lastIndexOf('/') + 1)}/${query === undefined ? '' : `?${query}`}`
}

/** Without a logger the token would be known to nobody, so this one line goes to stderr. */
function announce(token: string, logger: Logger | undefined): void {
  const line = `Holdfast console: open it where you mounted it, with ?t=${token}`
  if (logger === undefined) process.stderr.write(`${line}\n`)
  else logger.info({}, line)
}
