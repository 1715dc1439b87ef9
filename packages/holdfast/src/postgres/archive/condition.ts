import { quoteIdent, quoteQualified } from '../advisor/identifier.ts'
import type { ResolvedPolicy } from './policy.ts'
import { type ArchiveSubject, timeTypeOf } from './subject.ts'

/** The rows of a policy as SQL over the table under the name `t`. NULL counts as no.
 *  `cutoff`: a moment as the server wrote it; needed when the policy has an age. */
export function conditionOf(policy: ResolvedPolicy, subject: ArchiveSubject, cutoff: string | null): string {
  const parts: string[] = []
  if (policy.olderThan !== undefined && cutoff !== null)
    parts.push(`t.${quoteIdent(policy.olderThan.column)} < ${moment(cutoff, timeTypeOf(subject, policy.olderThan.column))}`)
  if (policy.where !== undefined) parts.push(`(\n${policy.where}\n)`)
  if (policy.action !== 'copy') {
    for (const { schema, table, columns, referredColumns, isSelf } of subject.references) {
      const same = columns.map((column, at) => `hf_r.${quoteIdent(column)} = t.${quoteIdent(referredColumns[at]!)}`)
      // A row may refer to itself and still go.
      const other = isSelf ? [`NOT (${subject.keyColumns.map(column => `hf_r.${quoteIdent(column)} = t.${quoteIdent(column)}`).join(' AND ')})`] : []
      parts.push(`NOT EXISTS (SELECT FROM ${quoteQualified(schema, table)} AS hf_r WHERE ${[...same, ...other].join(' AND ')})`)
    }
  }
  return parts.join(' AND ')
}

function moment(cutoff: string, type: string | undefined): string {
  const literal = `'${cutoff.replaceAll("'", "''")}'::timestamptz`
  if (type === 'timestamp with time zone') return literal
  return type === 'date' ? `(${literal} AT TIME ZONE 'UTC')::date` : `(${literal} AT TIME ZONE 'UTC')`
}

/** The table in FROM: without what inherits from it, which has columns of its own. Partitions belong to it. */
export function fromClause({ kind, quoted }: ArchiveSubject): string {
  return `${kind === 'r' ? 'ONLY ' : ''}${quoted} AS t`
}
