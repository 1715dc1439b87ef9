import { type ConfigProblems, type Duration, parseDurationMs, type Schedule } from '../../core/index.ts'
import { type NextDue, resolveSchedule } from '../../core/schedule.ts'
import { parseTableName } from '../facts/table-name.ts'
import type { RelationName } from '../upkeep/relation-name.ts'

/** Which rows of a table leave it, and where they go. At least one of `olderThan` and `where` is needed; a row must fulfil both. */
export interface ArchivePolicy {
  /** Under which progress and the audit log are kept: 1 to 60 characters of a-z, 0-9, `_`, `.` and `-`. */
  readonly name: string
  /** `lead`, `public.lead`, `"Odd.Name"`: as in SQL, except that capitals need no quotes. */
  readonly table: string
  /** `move`: into the archive table. `copy`: into it, and they stay. `delete`: nowhere. */
  readonly action: 'move' | 'copy' | 'delete'
  /** Rows whose `column` (timestamptz, timestamp or date; the latter two are read as UTC) is older than `age`, by the server's clock at the start of the run. */
  readonly olderThan?: { readonly column: string; readonly age: Duration }
  /** A condition in SQL on the table's columns, for example `status = 'closed'`. It is part of the statements, so it must come from you and never from a
   *  request. */
  readonly where?: string
  /** The archive table. Default: the table's name with `_archive`, in the same schema. Made when it is not there, with the same columns and primary key, and
   *  `archived_at`. Not for `delete`. */
  readonly into?: string
  /** What to do when other tables refer to this one by a foreign key. `refuse` (default) ends with HF_PG_ARCHIVE_REFERENCED. `skip` leaves rows that are
   *  referred to; not for keys that cascade. */
  readonly referenced?: 'refuse' | 'skip'
  /** Let the policy empty the table. Default false. */
  readonly allowEverything?: boolean
  /** When it is run after `start()`, by one process of a fleet. Default: only by hand. */
  readonly schedule?: Schedule
}

/** A policy that was checked. */
export interface ResolvedPolicy {
  readonly name: string
  readonly table: RelationName
  readonly action: ArchivePolicy['action']
  readonly olderThan: { readonly column: string; readonly ageMs: number } | undefined
  readonly where: string | undefined
  readonly into: RelationName | undefined
  readonly skipsReferenced: boolean
  readonly allowsEverything: boolean
  readonly nextDue: NextDue | undefined
}

const NAME = /^[a-z0-9_.-]{1,60}$/
const OPTIONS: ReadonlySet<string> = new Set([
  'name',
  'table',
  'action',
  'olderThan',
  'where',
  'into',
  'referenced',
  'allowEverything',
  'schedule',
] satisfies (keyof ArchivePolicy)[])

/** Checks what can be checked without the database; problems are noted. */
export function resolvePolicies(problems: ConfigProblems, policies: readonly ArchivePolicy[]): ResolvedPolicy[] {
  const names = new Set<string>()
  return policies.map((policy, at) => {
    const path = `archive.policies[${at}]`
    if (names.has(policy.name)) problems.add(`${path}.name`, `${JSON.stringify(policy.name)} is taken by another policy`)
    names.add(policy.name)
    return resolvePolicy(problems, path, policy)
  })
}

function resolvePolicy(problems: ConfigProblems, path: string, policy: ArchivePolicy): ResolvedPolicy {
  const { name, action, olderThan, where, into, referenced = 'refuse', allowEverything = false, schedule } = policy
  for (const key of Object.keys(policy))
    if (!OPTIONS.has(key)) problems.add(`${path}.${key}`, `is not an option; known are ${[...OPTIONS].join(', ')}`)
  if (!NAME.test(String(name))) problems.add(`${path}.name`, `is ${JSON.stringify(name)}, not 1 to 60 characters of a-z, 0-9, _, . and -`)
  if (!['move', 'copy', 'delete'].includes(action)) problems.add(`${path}.action`, `is ${JSON.stringify(action)}, not move, copy or delete`)
  if (!['refuse', 'skip'].includes(referenced)) problems.add(`${path}.referenced`, `is ${JSON.stringify(referenced)}, not refuse or skip`)
  if (typeof allowEverything !== 'boolean') problems.add(`${path}.allowEverything`, 'is neither true nor false')
  if (olderThan === undefined && where === undefined) problems.add(path, 'needs olderThan, where, or both')
  if (where !== undefined && (typeof where !== 'string' || where.trim() === '')) problems.add(`${path}.where`, 'is not a condition in SQL')
  if (action === 'delete' && into !== undefined) problems.add(`${path}.into`, 'makes no sense for delete')
  const nowhere: RelationName = { schema: undefined, name: '' }
  return {
    name,
    table: problems.attempt(`${path}.table`, () => parseTableName(String(policy.table)), nowhere),
    action,
    olderThan: olderThan === undefined ? undefined : resolveAge(problems, `${path}.olderThan`, olderThan),
    where,
    into: into === undefined ? undefined : problems.attempt(`${path}.into`, () => parseTableName(String(into)), nowhere),
    skipsReferenced: referenced === 'skip',
    allowsEverything: allowEverything,
    nextDue: schedule === undefined ? undefined : resolveSchedule(problems, `${path}.schedule`, schedule),
  }
}

function resolveAge(problems: ConfigProblems, path: string, { column, age }: NonNullable<ArchivePolicy['olderThan']>): ResolvedPolicy['olderThan'] {
  if (typeof column !== 'string' || column === '') problems.add(`${path}.column`, 'is not the name of a column')
  const ageMs = problems.attempt(`${path}.age`, () => parseDurationMs(age), 1)
  if (ageMs === 0) problems.add(`${path}.age`, 'is 0: every row is older than that')
  return { column, ageMs }
}
