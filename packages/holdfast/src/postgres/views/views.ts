import {
  type Clock,
  collectConfigProblems,
  createLifecycle,
  type Health,
  type HealthReason,
  type HealthSource,
  isHoldfastError,
  type Lifecycle,
  type Logger,
  silentLogger,
  systemClock,
} from '../../core/index.ts'
import { createRegistry, type Registry } from '../../telemetry/index.ts'
import { messageOf, withClient } from '../advisor/client.ts'
import type { InvalidationTarget } from '../outbox.ts'
import { audited } from '../upkeep/audit.ts'
import { type DueTask, startDueTimer } from '../upkeep/due-timer.ts'
import { openOwnTables } from '../upkeep/own-tables.ts'
import { type UpkeepDeps, withUpkeepSession } from '../upkeep/upkeep-session.ts'
import { viewErrors } from './errors.ts'
import { type RefreshReport, refresh } from './refresh.ts'
import { NOTE_OVERLAP } from './sql/view-log.sql.ts'
import { overdueFrom, type ResolvedView, resolveViews, type ViewDefinition } from './view-definition.ts'
import { createViewMetrics } from './view-metrics.ts'
import { readViewStates, type ViewState } from './view-states.ts'

/** Options of {@link createViews}. */
export interface ViewsOptions {
  /** A fresh, connected, direct connection to the primary, closed after each use: `async () => { const c = new pg.Client(url); await c.connect(); return c }`, or
   *  `connectionsOf(pool)`. Not through a pooler in transaction mode. */
  readonly connect: UpkeepDeps['connect']
  readonly views: readonly ViewDefinition[]
  /** Drops the tags of a view after its refresh. `holdfast({ upkeep })` gives its own. Default: tags are dropped nowhere. */
  readonly target?: InvalidationTarget
  /** Hears what is being done, in lines for people. */
  readonly onProgress?: (line: string) => void
  readonly clock?: Clock
  readonly logger?: Logger
  /** Where refreshes are counted. Default: nowhere. */
  readonly registry?: Registry
}

/** Options of one refresh. */
export interface RefreshOptions {
  /** Cancels the refresh in the server; it rejects with the signal's reason, and the view is as it was. */
  readonly signal?: AbortSignal
  readonly onProgress?: (line: string) => void
}

/** Keeps materialized views fresh, and readers reading. After `start()` those with a schedule are refreshed when they are due, by one process of a fleet; one
 *  that was overdue at the start is refreshed at once. */
export interface Views extends Lifecycle, HealthSource {
  /** Refreshes a registered view now, named as in its definition.
   *  @throws HF_PG_VIEW_UNKNOWN, HF_PG_VIEW_BUSY, HF_PG_VIEW_KIND, HF_PG_VIEW_NO_UNIQUE_INDEX, HF_PG_VIEW_LOCKED, HF_PG_VIEW_TIMEOUT, HF_PG_VIEW_FAILED,
   *  HF_PG_TABLE_UNKNOWN, HF_PG_NOT_ALLOWED, HF_PG_READ_ONLY, HF_PG_NOT_DIRECT, HF_PG_CONNECT_FAILED */
  refresh(view: string, options?: RefreshOptions): Promise<RefreshReport>
  /** All materialized views of the database, registered or not. 3 round trips. */
  states(): Promise<readonly ViewState[]>
}

/** What this process knows of a view's last refresh. */
interface Known {
  refreshedAtMs: number | undefined
  problem: HealthReason | undefined
}

/** Prepares the refreshing of views; connects to nothing yet.
 *  @throws HF_CONFIG_INVALID naming every bad option at once */
export function createViews(options: ViewsOptions): Views {
  const { connect, clock = systemClock, logger = silentLogger, registry = createRegistry(), target, onProgress: hear = () => undefined } = options
  const problems = collectConfigProblems()
  if (typeof connect !== 'function') problems.add('views.connect', 'is not a function')
  const views = resolveViews(problems, options.views, tags => target?.check(tags))
  problems.throwIfAny('views')
  const deps: UpkeepDeps = { connect, clock, logger }
  const metrics = createViewMetrics(registry)
  const known = new Map<string, Known>(views.map(({ view }) => [view, { refreshedAtMs: undefined, problem: undefined }]))
  const stopping = new AbortController()
  let underWay: Promise<unknown> = Promise.resolve()
  const undo: (() => void)[] = []

  const execute = async (
    definition: ResolvedView,
    { signal, onProgress = hear }: RefreshOptions,
    dueAtMs?: number,
  ): Promise<RefreshReport | undefined> => {
    const mine = known.get(definition.view)!
    const isOthers = (error: unknown): boolean => dueAtMs !== undefined && isCode(error, 'HF_PG_VIEW_BUSY')
    const action = { what: 'refresh', subject: definition.view, describe: describeReport, isSilent: isOthers }
    try {
      signal?.throwIfAborted()
      const report = await withUpkeepSession(deps, async session => {
        await openOwnTables(session, ['view_refresh', 'audit_log', ...(target?.isShared ? ['invalidation'] : [])])
        return audited(deps, session.client, action, () => refresh(session, definition, { ...deps, target, dueAtMs, signal, onProgress }))
      })
      mine.problem = undefined
      mine.refreshedAtMs = clock.nowMs()
      if (report === undefined) return undefined
      metrics.refreshes.bind(definition.view, 'refreshed').add()
      metrics.seconds.bind(definition.view).record(report.tookMs / 1000)
      return report
    } catch (error) {
      if (!isOthers(error)) {
        metrics.refreshes.bind(definition.view, outcomeOf(error, signal)).add()
        if (!signal?.aborted) mine.problem = problemOf(definition.view, error, mine.problem?.sinceMs ?? clock.nowMs())
      }
      throw error
    }
  }

  const taskOf = (definition: ResolvedView, missedAtMs: number | undefined): DueTask[] => {
    if (definition.nextDue === undefined) return []
    const run = (dueAtMs: number): Promise<'over' | 'later'> => {
      const work = execute(definition, { signal: stopping.signal }, dueAtMs).then(
        () => 'over' as const,
        error => {
          if (!stopping.signal.aborted && isCode(error, 'HF_PG_VIEW_BUSY')) return 'later' as const
          if (!stopping.signal.aborted) logger.error({ err: error, view: definition.view }, 'postgres: a materialized view could not be refreshed')
          return 'over' as const
        },
      )
      underWay = Promise.allSettled([underWay, work])
      return work
    }
    const onOverlap = (dueAtMs: number): void => void noteOverlap(deps, definition, dueAtMs, metrics.refreshes)
    return [{ next: definition.nextDue, run, onOverlap, ...(missedAtMs === undefined ? {} : { missedAtMs }) }]
  }

  const begin = async (): Promise<void> => {
    const states = await withClient(connect, readViewStates).catch(() => [])
    if (stopping.signal.aborted) return
    const tasks = views.flatMap(definition => {
      const state = states.find(({ view }) => view === definition.view || view === `public.${definition.view}`)
      if (state?.refreshedAtMs != null) known.get(definition.view)!.refreshedAtMs = state.refreshedAtMs
      // Its moment was missed by everybody.
      return taskOf(definition, state?.isOverdue === true ? clock.nowMs() : undefined)
    })
    undo.push(startDueTimer(clock, tasks))
  }

  const lifecycle = createLifecycle({
    name: 'the views',
    clock,
    start: async () => {
      undo.push(registry.onSnapshot(() => reportAges(known, metrics.age, clock)))
      // In the background: a database that is away does not hold up the service.
      underWay = begin()
    },
    stop: async () => {
      stopping.abort(new Error('the views were stopped'))
      await underWay
      for (const step of undo.splice(0)) step()
      await underWay
    },
  })

  return {
    ...lifecycle,
    refresh: async (name, refreshOptions = {}) => {
      const definition = views.find(({ view }) => view === name)
      if (definition !== undefined) return (await execute(definition, refreshOptions))!
      throw viewErrors.create('HF_PG_VIEW_UNKNOWN', `${name}; known are ${views.map(({ view }) => view).join(', ') || 'none'}`)
    },
    states: () => withClient(connect, readViewStates),
    health: () => healthOf(views.flatMap(definition => reasonOf(definition, known.get(definition.view)!, clock) ?? [])),
  }
}

function healthOf(reasons: readonly HealthReason[]): Health {
  return { status: reasons.length === 0 ? 'ok' : 'degraded', reasons }
}

function outcomeOf(error: unknown, signal: AbortSignal | undefined): string {
  if (signal?.aborted === true) return 'stopped'
  return isHoldfastError(error) ? error.code : 'failed'
}

function problemOf(view: string, error: unknown, sinceMs: number): HealthReason {
  return { component: 'postgres', why: `materialized view ${view} could not be refreshed: ${messageOf(error)}`, sinceMs }
}

/** A failed refresh, else data that is too old. */
function reasonOf(definition: ResolvedView, { problem, refreshedAtMs }: Known, clock: Clock): HealthReason | undefined {
  if (problem !== undefined || refreshedAtMs === undefined) return problem
  const overdueAtMs = overdueFrom(definition, undefined, refreshedAtMs)
  if (overdueAtMs === undefined || overdueAtMs >= clock.nowMs()) return undefined
  const why = `materialized view ${definition.view} shows data of ${Math.round((clock.nowMs() - refreshedAtMs) / 1000)} s ago and should have been refreshed`
  return { component: 'postgres', why, sinceMs: overdueAtMs }
}

function isCode(error: unknown, code: string): boolean {
  return isHoldfastError(error) && error.code === code
}

function describeReport(report: RefreshReport | undefined): string | undefined {
  if (report === undefined) return undefined
  const { view, rowCount, isConcurrent, invalidation } = report
  return `${view}: ${rowCount} rows${isConcurrent ? ', concurrently' : ', first filling'}${invalidation === 'none' ? '' : `, tags ${invalidation}`}`
}

async function noteOverlap(
  deps: UpkeepDeps,
  { view, relation }: ResolvedView,
  dueAtMs: number,
  refreshes: ReturnType<typeof createViewMetrics>['refreshes'],
): Promise<void> {
  refreshes.bind(view, 'overlap').add()
  deps.logger.warn({ view, dueAtMs }, 'postgres: a materialized view was due while its refresh before was still under way; the schedule is too tight')
  const values = [relation.schema ?? 'public', relation.name, dueAtMs]
  await withClient(deps.connect, client => client.query(NOTE_OVERLAP, values)).catch(problem =>
    deps.logger.warn({ problem: messageOf(problem) }, 'the log of views could not be written'),
  )
}

function reportAges(known: ReadonlyMap<string, Known>, age: ReturnType<typeof createViewMetrics>['age'], clock: Clock): void {
  for (const [view, { refreshedAtMs }] of known) if (refreshedAtMs !== undefined) age.bind(view).set((clock.nowMs() - refreshedAtMs) / 1000)
}
