import type { HoldfastError } from '../../core/index.ts'
import { type AdvisorClient, readRows } from '../advisor/client.ts'
import { advisorErrors } from '../advisor/errors.ts'
import { quoteIdent, quoteQualified } from '../advisor/identifier.ts'
import { factsErrors } from '../facts/errors.ts'
import { quoteRelation, type RelationName } from '../upkeep/relation-name.ts'
import { archiveErrors } from './errors.ts'
import type { ResolvedPolicy } from './policy.ts'
import {
  ARCHIVE_COLUMNS,
  ARCHIVE_REFERENCES,
  ARCHIVE_SUBJECT,
  type ArchiveColumnRow,
  type ArchiveReferenceRow,
  type ArchiveSubjectRow,
} from './sql/archive-subject.sql.ts'

/** A table as the archive needs to know it. */
export interface ArchiveSubject extends ArchiveSubjectRow {
  readonly columns: readonly ArchiveColumnRow[]
  readonly key: readonly ArchiveColumnRow[]
  readonly references: readonly ArchiveReferenceRow[]
  /** As SQL text. */
  readonly quoted: string
}

/** Reads what the catalog says of a relation; `undefined` when there is none of that name. 3 round trips. */
export async function readSubject(client: AdvisorClient, name: RelationName): Promise<ArchiveSubject | undefined> {
  const [row] = await readRows<ArchiveSubjectRow>(client, ARCHIVE_SUBJECT, [name.schema ?? null, name.name, quoteIdent(name.name)])
  if (row === undefined) return undefined
  const columns = await readRows<ArchiveColumnRow>(client, ARCHIVE_COLUMNS, [row.oid])
  const references = await readRows<ArchiveReferenceRow>(client, ARCHIVE_REFERENCES, [row.oid])
  const key = row.keyColumns.map(column => columns.find(({ name: found }) => found === column)!)
  return { ...row, columns, key, references, quoted: quoteQualified(row.schema, row.name) }
}

/** The policy's table, with everything in it that the policy relies on.
 *  @throws HF_PG_TABLE_UNKNOWN, HF_PG_NOT_ALLOWED, HF_PG_ARCHIVE_POLICY, HF_PG_ARCHIVE_NO_KEY, HF_PG_ARCHIVE_REFERENCED */
export async function requireSubject(client: AdvisorClient, policy: ResolvedPolicy, role: string): Promise<ArchiveSubject> {
  const subject = await readSubject(client, policy.table)
  if (subject === undefined)
    throw factsErrors.create('HF_PG_TABLE_UNKNOWN', `policy ${policy.name}: there is no table ${quoteRelation(policy.table)}`)
  if (subject.kind !== 'r' && subject.kind !== 'p')
    throw archiveErrors.create('HF_PG_ARCHIVE_POLICY', `policy ${policy.name}: ${subject.quoted} is no table`)
  if (subject.key.length === 0)
    throw archiveErrors.create('HF_PG_ARCHIVE_NO_KEY', `${subject.quoted} has no primary key`, { context: { table: subject.quoted } })
  requireTimeColumn(policy, subject)
  requireRights(policy, subject, role)
  refuseReferences(policy, subject)
  return subject
}

/** Types that the age of a row can be read from. */
const TIME_TYPES: ReadonlySet<string> = new Set(['timestamp with time zone', 'timestamp without time zone', 'date'])

/** The type of the column that the age is read from. */
export function timeTypeOf(subject: ArchiveSubject, column: string): string | undefined {
  const type = subject.columns.find(({ name }) => name === column)?.bareType
  return type !== undefined && TIME_TYPES.has(type) ? type : undefined
}

function requireTimeColumn({ name, olderThan }: ResolvedPolicy, subject: ArchiveSubject): void {
  if (olderThan === undefined || timeTypeOf(subject, olderThan.column) !== undefined) return
  const type = subject.columns.find(column => column.name === olderThan.column)?.type
  const what =
    type === undefined
      ? `has no column ${quoteIdent(olderThan.column)}`
      : `has ${type} in column ${quoteIdent(olderThan.column)}, not a time or a date`
  throw archiveErrors.create('HF_PG_ARCHIVE_POLICY', `policy ${name}: ${subject.quoted} ${what}`, { context: { table: subject.quoted, type } })
}

function requireRights({ action }: ResolvedPolicy, subject: ArchiveSubject, role: string): void {
  const missing = [
    ...(subject.maySelect ? [] : ['SELECT']),
    ...(action === 'copy' || subject.mayUpdate ? [] : ['UPDATE']),
    ...(action === 'copy' || subject.mayDelete ? [] : ['DELETE']),
  ]
  if (missing.length > 0)
    throw lackingRight(role, `archive rows of ${subject.quoted}`, `GRANT ${missing.join(', ')} ON ${subject.quoted} TO ${quoteIdent(role)}`)
}

/** A right that is missing, with the statement that gives it. */
export function lackingRight(role: string, what: string, grant: string): HoldfastError {
  return advisorErrors.create('HF_PG_NOT_ALLOWED', `role ${quoteIdent(role)} may not ${what}: ${grant}`, { hint: grant, context: { role, grant } })
}

function refuseReferences(policy: ResolvedPolicy, { references, quoted }: ArchiveSubject): void {
  if (policy.action === 'copy') return
  // A row that comes to be referred to at the same moment would be taken along by what these keys do.
  const cascading = references.filter(({ onDelete }) => onDelete !== 'a' && onDelete !== 'r')
  const inTheWay = policy.skipsReferenced ? cascading : references
  if (inTheWay.length === 0) return
  const named = inTheWay.map(
    ({ schema, table, name, onDelete }) => `${quoteQualified(schema, table)} (${quoteIdent(name)}${DELETE_RULES[onDelete] ?? ''})`,
  )
  const what = policy.skipsReferenced ? 'would change rows beside those of the policy' : 'refers to it'
  throw archiveErrors.create('HF_PG_ARCHIVE_REFERENCED', `policy ${policy.name} on ${quoted}: ${named.join(', ')} ${what}`, {
    ...(policy.skipsReferenced ? { hint: 'archive the rows of the referencing table first, and make its key NO ACTION' } : {}),
    context: { table: quoted, references: inTheWay.map(({ schema, table, name }) => ({ schema, table, name })) },
  })
}

const DELETE_RULES: Readonly<Record<string, string>> = { c: ', ON DELETE CASCADE', n: ', ON DELETE SET NULL', d: ', ON DELETE SET DEFAULT' }
