import { type ConfigProblems, type Duration, parseDurationMs, type Schedule } from '../../core/index.ts'
import { type NextDue, resolveSchedule } from '../../core/schedule.ts'
import { parseTableName } from '../facts/table-name.ts'
import type { RelationName } from '../upkeep/relation-name.ts'

/** A materialized view that is kept fresh. */
export interface ViewDefinition {
  /** `fund_performance`, `report.fund_performance`, `"Odd.Name"`: as in SQL, except that capitals need no quotes. */
  readonly view: string
  /** When it is refreshed after `start()`, by one process of a fleet. Default: only by hand. */
  readonly schedule?: Schedule
  /** Dropped from the cache after each refresh, as by `tx.invalidate`. Default: none. */
  readonly tags?: readonly string[]
  /** It is called overdue when the last good refresh is older than this. Default: with a schedule, half a period after the moment that was missed; without,
   *  never. */
  readonly maxAge?: Duration
  /** Longest wait for the lock on the view. Default `'5s'`. */
  readonly lockTimeout?: Duration
  /** Longest refresh. Default `'30m'`. */
  readonly statementTimeout?: Duration
}

/** A definition that was checked. */
export interface ResolvedView {
  /** As it was written. */
  readonly view: string
  readonly relation: RelationName
  readonly nextDue: NextDue | undefined
  readonly tags: readonly string[]
  readonly maxAgeMs: number | undefined
  readonly lockMs: number
  readonly statementMs: number
}

const OPTIONS: ReadonlySet<string> = new Set([
  'view',
  'schedule',
  'tags',
  'maxAge',
  'lockTimeout',
  'statementTimeout',
] satisfies (keyof ViewDefinition)[])

/** Checks what can be checked without the database; problems are noted. */
export function resolveViews(
  problems: ConfigProblems,
  views: readonly ViewDefinition[],
  checkTags: (tags: readonly string[]) => void,
): ResolvedView[] {
  const names = new Set<string>()
  return views.map((definition, at) => {
    const path = `views[${at}]`
    const { view, schedule, tags = [], maxAge, lockTimeout = '5s', statementTimeout = '30m' } = definition
    for (const key of Object.keys(definition))
      if (!OPTIONS.has(key)) problems.add(`${path}.${key}`, `is not an option; known are ${[...OPTIONS].join(', ')}`)
    if (names.has(view)) problems.add(`${path}.view`, `${JSON.stringify(view)} is there twice`)
    names.add(view)
    problems.attempt(`${path}.tags`, () => checkTags(tags), undefined)
    return {
      view,
      relation: problems.attempt<RelationName>(`${path}.view`, () => parseTableName(String(view)), { schema: undefined, name: '' }),
      nextDue: schedule === undefined ? undefined : resolveSchedule(problems, `${path}.schedule`, schedule),
      tags,
      maxAgeMs: maxAge === undefined ? undefined : problems.attempt(`${path}.maxAge`, () => parseDurationMs(maxAge), 0),
      lockMs: problems.attempt(`${path}.lockTimeout`, () => parseDurationMs(lockTimeout), 0),
      statementMs: problems.attempt(`${path}.statementTimeout`, () => parseDurationMs(statementTimeout), 0),
    }
  })
}

/** From when on a view that was refreshed for `dueAtMs` (by hand: at `nowMs`) is overdue. `undefined`: never. */
export function overdueFrom(
  { nextDue, maxAgeMs }: Pick<ResolvedView, 'nextDue' | 'maxAgeMs'>,
  dueAtMs: number | undefined,
  nowMs: number,
): number | undefined {
  if (maxAgeMs !== undefined) return nowMs + maxAgeMs
  const next = nextDue?.(Math.max(dueAtMs ?? nowMs, nowMs))
  if (next === undefined) return undefined
  const after = nextDue?.(next)
  return after === undefined ? next : next + (after - next) / 2
}
