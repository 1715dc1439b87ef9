import type { TieredCache } from 'holdfast/cache'
import type { CdnDesk } from 'holdfast/cdn'
import {
  type Clock,
  createLifecycle,
  type Finding,
  type Health,
  type Lifecycle,
  type Logger,
  mergeHealth,
  silentLogger,
  systemClock,
} from 'holdfast/core'
import type { JobStore } from 'holdfast/jobs'
import type { AdvisorClient, ArchivePolicy } from 'holdfast/postgres'
import type { Hono } from 'hono'
import { createApp } from './api/app.ts'
import { BUILT_PAGE_DIR, createAssets } from './api/assets.ts'
import { buildCacheMetrics } from './api/cache-metrics.ts'
import type { ConsoleEvent, LoadState, Overview } from './api/contract.ts'
import { createLiveUpdates } from './api/live-updates.ts'
import { buildOverview } from './api/overview.ts'
import { createAuditTrail } from './audit-trail.ts'
import type { ConsoleAuth } from './auth/console-auth.ts'
import { createCacheControl, type PurgedResponses } from './cache/cache-control.ts'
import { createConsoleCdn } from './cdn/console-cdn.ts'
import { createCollector } from './collect/collector.ts'
import type { InstanceSource } from './collect/instance-source.ts'
import { validateOptions } from './console-options.ts'
import { createDatabaseActions } from './database/database-actions.ts'
import { createDatabaseReads, type DatabaseReads } from './database/database-reads.ts'
import { createSizeRecorder } from './database/size-recorder.ts'
import type { AdvisorPort } from './findings/advisor-port.ts'
import { createFindingActions, describeFinding } from './findings/finding-actions.ts'
import { createFindingLedger } from './findings/finding-ledger.ts'
import { rankFindings, summarise } from './findings/finding-summary.ts'
import { createOwnFindings } from './findings/own-findings.ts'
import { createConsoleJobs } from './jobs/console-jobs.ts'
import { createEventLog } from './store/event-log.ts'
import { createTrafficStore } from './store/traffic-store.ts'

/** The way to a database. */
export interface DatabaseAccess {
  /** A fresh, connected connection of the console's own; closed after each reading. Readings are shared by all pages for 1.5 s. */
  readonly connect: () => Promise<AdvisorClient>
  /** Writes the size of the database into `holdfast.size_history` once an hour, which is made where the role may. Default true. */
  readonly keepsSizes?: boolean
}

/** Options of {@link createConsole}. */
export interface ConsoleOptions {
  /** Name in the page. Default: what the first instance that answers calls itself. */
  readonly service?: string
  /** The instances to read once a second. */
  readonly sources: readonly InstanceSource[]
  /** `createAdvisor(...)` of `holdfast/postgres`. Absent: no findings. The console does not stop it. */
  readonly advisor?: AdvisorPort
  /** The cache to look into and to drop from: `hf.cache`, or one of the same namespace over the same Redis. Absent: the Cache page shows measurements
   *  only. The console neither starts nor stops it. */
  readonly cache?: TieredCache
  /** `hf.responses`, from which stored answers are purged by URL. Absent: only tags and keys can be dropped. */
  readonly responses?: PurgedResponses
  /** The database itself, for what the instances cannot know: sizes, indexes, locks, statements of everybody. Absent: the Postgres page shows what the
   *  instances measure. */
  readonly database?: DatabaseAccess
  /** Policies that `POST api/v1/performance/database/archive` may run on that database, by name. They are run by hand only; a schedule in them is the business
   *  of `createArchive(...).start()`. Default: none. */
  readonly archivePolicies?: readonly ArchivePolicy[]
  /** Purges on their way to CDNs: `hf.cdn`, or `createCdnDesk(...)` of `holdfast/cdn`. Absent: the Cache page shows what the instances measure of them. */
  readonly cdn?: CdnDesk
  /** The queues of jobs: `hf.jobs.store`, or `createJobStore(...)` of `holdfast/jobs`. Absent: the Jobs page shows measurements only. The console
   *  does not close it. */
  readonly jobs?: JobStore
  readonly auth: ConsoleAuth
  /** What counts as fast enough. Absent: nothing is judged. */
  readonly objectives?: { readonly p95Ms: number }
  /** Outside development, apply and revert want the finding's id typed. Default: `production` when NODE_ENV says so, else `development`. */
  readonly environment?: 'development' | 'production'
  readonly clock?: Clock
  /** Default: silent. */
  readonly logger?: Logger
  /** Folder of the built page. Default: the one in this package. */
  readonly assetsDir?: string
}

/** A console: reads the instances, keeps fifteen minutes, answers the page and its API. Reads nothing until started; serves before, with empty answers. */
export interface Console extends Lifecycle {
  /** Mount it anywhere: all its addresses are relative. */
  readonly app: Hono
  /** For adapters; the path of `request` is relative to the mount. Name the mount where it is known: two consoles on one host then keep their cookies apart. */
  fetch(request: Request, mount?: { readonly mountPath?: string }): Response | Promise<Response>
  readonly auth: ConsoleAuth
  /** Adds a line to the events lane. */
  publishEvent(event: ConsoleEvent): void
  /** Shows the state of a load test; null takes it away. */
  publishLoad(load: LoadState | null): void
  /** The overview as the API gives it. `windowSec` 5..900, default 60. */
  overview(windowSec?: number): Overview
}

/** Creates a console over instances of one service.
 *  @throws HF_CONFIG_INVALID naming every bad option at once. */
export function createConsole(options: ConsoleOptions): Console {
  validateOptions(options)
  const { clock = systemClock, logger = silentLogger, advisor, auth, cache, responses } = options
  const environment = options.environment ?? (process.env.NODE_ENV === 'production' ? 'production' : 'development')
  const needsConfirmation = environment !== 'development'
  const events = createEventLog()
  const store = createTrafficStore()
  const publishEvent = (event: ConsoleEvent): void => events.add(event)
  let load: LoadState | null = null

  const own = createOwnFindings({ clock, store, collector: () => collector, publishEvent, logger })
  const findings = (): readonly Finding[] => rankFindings([...ledger.findings(), ...own.findings()])
  const finding = async (id: string): Promise<Finding> => (own.isOwn(id) ? own.finding(id) : ledger.finding(id))
  const health = (): Health => mergeHealth([collector.health(), ledger.health()])
  const overview = (windowSec = 60): Overview => {
    const atMs = clock.nowMs()
    return buildOverview({
      service: options.service ?? collector.service() ?? 'app',
      atMs,
      window: store.window(windowSec),
      partial: collector.isPartial(),
      health: health(),
      instances: collector.instances(),
      findings: findings(),
      pool: collector.pool(),
      jobs: collector.jobs(),
      events: events.since(atMs - windowSec * 1000),
      load,
      p95LimitMs: options.objectives?.p95Ms,
    })
  }
  const render = (windowSec: number) => {
    const current = overview(windowSec)
    return { atMs: current.atMs, json: JSON.stringify(current) }
  }
  const live = createLiveUpdates({ clock, render })
  const collector = createCollector({ sources: options.sources, store, clock, publishEvent, onReading: () => live.publish(), logger })
  const ledger = createFindingLedger({ advisor, clock, logger, publishEvent })
  const connect = options.database?.connect
  const reads = createDatabaseReads(connect, clock)
  const policies = options.archivePolicies ?? []
  const databaseActions = createDatabaseActions({ connect, policies, needsConfirmation, clock, logger, publishEvent, onChanged: reads.forget })
  const { window } = store
  const audited = createAuditTrail(connect, { clock, logger })
  const jobs = createConsoleJobs({
    ...{ store: options.jobs, clock, logger, audited, publishEvent, needsConfirmation, window, isPartial: collector.isPartial },
    ...{ instances: collector.jobs, findings: own.ofJobs },
  })
  const publishLoad = (state: LoadState | null): void => {
    load = state
  }
  const app = createApp({
    auth,
    assets: createAssets(options.assetsDir ?? BUILT_PAGE_DIR),
    live,
    actions: createFindingActions(advisor, needsConfirmation),
    overview,
    health,
    finding: async (id, role) => describeFinding(await finding(id), role, needsConfirmation, own.isOwn(id)),
    findings: () => ({ schema: 'holdfast.findings/1', findings: findings().map(summarise) }),
    refreshFindings: ledger.refresh,
    cacheControl: createCacheControl({ cache, responses, needsConfirmation, logger, audited, nowMs: () => clock.nowMs(), publishEvent }),
    cacheMetrics: (windowSec, actions) => {
      const read = { atMs: clock.nowMs(), window: store.window(windowSec), partial: collector.isPartial(), caches: collector.caches() }
      return buildCacheMetrics({ ...read, actions, needsConfirmation })
    },
    database: { ...collector, reads, actions: databaseActions, findings, nowMs: () => clock.nowMs(), window: store.window },
    cdn: createConsoleCdn({ desk: options.cdn, clock, logger, audited, publishEvent, needsConfirmation, window }),
    jobs: jobs.routes,
    publishEvent,
    publishLoad,
    onFailure: error => logger.error({ err: error }, 'a request of the console failed'),
  })
  const recorders = sizeRecorders(options.database, reads, { clock, logger })
  const lifecycle = runTogether([live, collector, ledger, ...own.watches, ...jobs.parts, ...recorders], { clock, logger })
  return {
    ...lifecycle,
    app: app as unknown as Hono,
    auth,
    fetch: (request, mount) => app.fetch(request, mount),
    publishEvent,
    publishLoad,
    overview,
  }
}

/** All parts start and stop side by side. */
function runTogether(parts: readonly Lifecycle[], { clock, logger }: { readonly clock: Clock; readonly logger: Logger }): Lifecycle {
  return createLifecycle({
    name: 'console',
    clock,
    start: async () => {
      await Promise.all(parts.map(part => part.start()))
    },
    stop: async () => {
      await Promise.all(parts.map(part => part.stop()))
    },
    onStopProblem: problem => logger.warn({ err: problem }, 'the console did not stop cleanly'),
  })
}

/** One, where there is a database whose sizes are to be kept. */
function sizeRecorders(
  database: DatabaseAccess | undefined,
  reads: DatabaseReads,
  deps: { readonly clock: Clock; readonly logger: Logger },
): Lifecycle[] {
  return database === undefined || database.keepsSizes === false ? [] : [createSizeRecorder(reads.recordSize, deps)]
}
