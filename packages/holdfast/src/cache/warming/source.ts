import { type ConfigProblems, type Duration, parseDurationMs, type Schedule } from '../../core/index.ts'
import { type NextDue, resolveSchedule } from '../../core/schedule.ts'
import type { LoadMany } from '../bulk-load.ts'
import type { Load } from '../load-context.ts'

/** Keys to warm, the most important first. Read as they are needed, never held all at once. */
export type WarmingKeys = (ctx: { readonly signal: AbortSignal }) => Iterable<string> | AsyncIterable<string> | Promise<Iterable<string>>

/** What to warm. There is no way to hand in values that are read already: one that was read before its lease is taken could put back what was deleted in between. */
export type WarmingSource = WarmingSourceOptions & ({ readonly loadMany: LoadMany<unknown> } | { readonly load: Load<unknown> })

/** What all sources have. */
export interface WarmingSourceOptions {
  /** 1 to 64 letters, digits, `.`, `_` or `-`. Names it in reports, metrics and requests. */
  readonly name: string
  /** The higher, the earlier. Default 0. Sources of one priority come in the order in which they were given. */
  readonly priority?: number
  readonly keys: WarmingKeys
  /** As in `getOrSet`. */
  readonly ttl?: Duration
  readonly grace?: Duration
  /** As in `getOrSet`: the same that the readers of these keys name. */
  readonly tags?: readonly string[] | ((key: string) => readonly string[])
  /** When, besides by hand. `start`: whenever a process starts. `deploy`: once in the fleet for each `deployId`. Default `['start']`; with a schedule `[]`. */
  readonly on?: readonly ('start' | 'deploy')[]
  readonly schedule?: Schedule
  /** True: also what is fresh is loaded anew, for a peak that the present entries would not outlive. Default false. */
  readonly refresh?: boolean
  /** Keys of one load. 1 to 1,000. Default 100, with `load` 1. */
  readonly batch?: number
  /** Loads at a time. 1 to 64. Default 2. */
  readonly concurrency?: number
  /** Longest time for one run; what is not loaded by then is left. Default `'1m'`. */
  readonly budget?: Duration
}

/** A source, checked. */
export interface ResolvedSource {
  readonly name: string
  readonly priority: number
  readonly keys: WarmingKeys
  readonly call: { readonly ttl?: Duration; readonly grace?: Duration; readonly softTimeout: Duration; readonly hardTimeout: Duration }
  readonly tagsOf: ((key: string) => readonly string[]) | undefined
  readonly on: readonly ('start' | 'deploy')[]
  readonly nextDue: NextDue | undefined
  readonly refresh: boolean
  readonly batch: number
  readonly concurrency: number
  readonly budgetMs: number
  readonly loadMany: LoadMany<unknown> | undefined
  readonly load: Load<unknown> | undefined
}

/** Checks the sources and puts them in order. Problems are noted. */
export function resolveSources(problems: ConfigProblems, sources: readonly WarmingSource[], hasDeployId: boolean): ResolvedSource[] {
  const names = new Set<string>()
  const resolved = sources.map((source, i) => {
    const path = `warming.sources[${i}]`
    if (typeof source.name !== 'string' || !/^[\w.-]{1,64}$/.test(source.name))
      problems.add(`${path}.name`, 'must be 1 to 64 letters, digits, ".", "_" or "-"')
    if (names.has(source.name)) problems.add(`${path}.name`, `${source.name} is the name of another source`)
    names.add(source.name)
    return resolveSource(problems, path, source, hasDeployId)
  })
  return resolved.sort((a, b) => b.priority - a.priority)
}

function resolveSource(problems: ConfigProblems, path: string, source: WarmingSource, hasDeployId: boolean): ResolvedSource {
  const loadMany = 'loadMany' in source ? source.loadMany : undefined
  const load = 'load' in source ? source.load : undefined
  const { name, priority = 0, keys, ttl, grace, tags, schedule, refresh = false, concurrency = 2, budget = '1m' } = source
  const { on = schedule === undefined ? ['start'] : [], batch = loadMany === undefined ? 1 : 100 } = source
  const check = (isRight: boolean, option: string, problem: string): void => {
    if (!isRight) problems.add(option === '' ? path : `${path}.${option}`, problem)
  }
  check(typeof keys === 'function', 'keys', 'must be a function that gives keys')
  check(typeof (loadMany ?? load) === 'function', '', 'needs load or loadMany, a function')
  check(loadMany === undefined || load === undefined, '', 'has both load and loadMany')
  check(Number.isFinite(priority), 'priority', `must be a number, is ${priority}`)
  check(Number.isInteger(batch) && batch >= 1 && batch <= 1000, 'batch', `must be from 1 to 1,000, is ${batch}`)
  check(Number.isInteger(concurrency) && concurrency >= 1 && concurrency <= 64, 'concurrency', `must be from 1 to 64, is ${concurrency}`)
  check(!on.includes('deploy') || hasDeployId, 'on', "names 'deploy', and warming.deployId is not given")
  for (const [option, text] of Object.entries({ ttl, grace, budget })) {
    const ms = text === undefined ? 1 : problems.attempt(`${path}.${option}`, () => parseDurationMs(text), 1)
    check(ms > 0 || option === 'grace', option, 'must be more than 0')
  }
  return {
    ...{ name, priority, keys, on, refresh, batch, concurrency, loadMany, load },
    // A reader may take the stale value; warming is there for the new one.
    call: { ...(ttl === undefined ? {} : { ttl }), ...(grace === undefined ? {} : { grace }), softTimeout: budget, hardTimeout: budget },
    tagsOf: tags === undefined || typeof tags === 'function' ? tags : () => tags,
    nextDue: schedule === undefined ? undefined : resolveSchedule(problems, `${path}.schedule`, schedule),
    budgetMs: problems.attempt(`${path}.budget`, () => parseDurationMs(budget), 1),
  }
}
