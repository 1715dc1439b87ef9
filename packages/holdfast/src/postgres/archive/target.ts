import { type AdvisorClient, messageOf, sqlStateOf } from '../advisor/client.ts'
import { quoteIdent, quoteQualified } from '../advisor/identifier.ts'
import type { RelationName } from '../upkeep/relation-name.ts'
import { archiveErrors } from './errors.ts'
import type { ResolvedPolicy } from './policy.ts'
import { ARCHIVE_TARGET_RIGHTS, type ArchiveTargetRightsRow, createArchiveTable } from './sql/archive-target.sql.ts'
import { type ArchiveSubject, lackingRight, readSubject } from './subject.ts'

/** Column of archive tables that Holdfast makes: when the row came. Left out where the table itself has one of that name. */
const ARCHIVED_AT = 'archived_at'

/** Where rows go. */
export interface ArchiveTarget {
  /** As SQL text. */
  readonly quoted: string
  /** Columns that are written, as SQL text: all of the table's, except those that the archive computes itself. */
  readonly columns: readonly string[]
}

/** The archive table of a policy: as it is, or made now. `undefined` for `delete`. With `mayCreate` false one that is not there is only described.
 *  @throws HF_PG_ARCHIVE_TARGET, HF_PG_NOT_ALLOWED */
export async function requireTarget(
  client: AdvisorClient,
  policy: ResolvedPolicy,
  subject: ArchiveSubject,
  role: string,
  mayCreate: boolean,
): Promise<ArchiveTarget | undefined> {
  if (policy.action === 'delete') return undefined
  const name = policy.into ?? { schema: subject.schema, name: `${subject.name}_archive` }
  const found = await readSubject(client, name)
  if (found !== undefined) return fitting(client, policy, subject, found, role)
  const place: RelationName & { schema: string } = { schema: name.schema ?? subject.schema, name: name.name }
  const target = { quoted: quoteQualified(place.schema, place.name), columns: subject.columns.map(column => quoteIdent(column.name)) }
  if (mayCreate) await create(client, subject, place.schema, target.quoted, role)
  return target
}

async function create(client: AdvisorClient, subject: ArchiveSubject, schema: string, quoted: string, role: string): Promise<void> {
  const hasOwn = subject.columns.some(({ name }) => name === ARCHIVED_AT)
  try {
    await client.query(createArchiveTable(quoted, subject.quoted, subject.keyColumns.map(quoteIdent), hasOwn ? undefined : ARCHIVED_AT))
  } catch (error) {
    const state = sqlStateOf(error)
    if (state === '42501') throw lackingRight(role, `create ${quoted}`, `GRANT USAGE, CREATE ON SCHEMA ${quoteIdent(schema)} TO ${quoteIdent(role)}`)
    throw archiveErrors.create('HF_PG_ARCHIVE_TARGET', `${quoted} cannot be made: ${messageOf(error)}`, { cause: error })
  }
}

async function fitting(
  client: AdvisorClient,
  policy: ResolvedPolicy,
  subject: ArchiveSubject,
  target: ArchiveSubject,
  role: string,
): Promise<ArchiveTarget> {
  const { quoted } = target
  if (target.oid === subject.oid || (target.kind !== 'r' && target.kind !== 'p')) {
    throw archiveErrors.create('HF_PG_ARCHIVE_TARGET', `${quoted} is ${target.oid === subject.oid ? 'the table itself' : 'no table'}`)
  }
  const known = new Map(target.columns.map(column => [column.name, column]))
  const missing = subject.columns.filter(({ name }) => !known.has(name))
  if (missing.length > 0) {
    const sql = `ALTER TABLE ${quoted} ${missing.map(({ name, type }) => `ADD COLUMN ${quoteIdent(name)} ${type}`).join(', ')}`
    throw archiveErrors.create('HF_PG_ARCHIVE_TARGET', `${quoted} lacks columns of ${subject.quoted}: ${sql}`, { hint: sql, context: { sql } })
  }
  const other = subject.columns.find(({ name, type }) => known.get(name)!.type !== type)
  if (other !== undefined) {
    const sql = `ALTER TABLE ${quoted} ALTER COLUMN ${quoteIdent(other.name)} TYPE ${other.type}`
    throw archiveErrors.create(
      'HF_PG_ARCHIVE_TARGET',
      `${quoted} has ${known.get(other.name)!.type} for ${other.type} in ${quoteIdent(other.name)}: ${sql}`,
      { hint: sql, context: { sql } },
    )
  }
  if (policy.action === 'copy' && !isSameSet(target.keyColumns, subject.keyColumns)) {
    const sql = `ALTER TABLE ${quoted} ADD PRIMARY KEY (${subject.keyColumns.map(quoteIdent).join(', ')})`
    throw archiveErrors.create(
      'HF_PG_ARCHIVE_TARGET',
      `${quoted} has not the primary key of ${subject.quoted}, by which copied rows are known: ${sql}`,
      { hint: sql, context: { sql } },
    )
  }
  const { rows } = await client.query(ARCHIVE_TARGET_RIGHTS, [target.oid])
  if (!(rows[0] as unknown as ArchiveTargetRightsRow).mayWrite) {
    throw lackingRight(role, `write ${quoted}`, `GRANT SELECT, INSERT ON ${quoted} TO ${quoteIdent(role)}`)
  }
  return { quoted, columns: subject.columns.filter(({ name }) => !known.get(name)!.isGenerated).map(({ name }) => quoteIdent(name)) }
}

function isSameSet(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every(name => other.includes(name))
}
