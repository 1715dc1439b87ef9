import { quoteQualified } from '../advisor/identifier.ts'
import type { UpkeepSession } from '../upkeep/upkeep-session.ts'
import type { ArchivePreview } from './archive-report.ts'
import { conditionOf, fromClause } from './condition.ts'
import { countMatching, estimateMatching, readCutoff } from './counts.ts'
import type { ResolvedPolicy } from './policy.ts'
import { checkPredicate } from './predicate.ts'
import { stepError } from './run-context.ts'
import { goesByPartitions, oldPartitions } from './run-partitions.ts'
import { requireSubject } from './subject.ts'
import { requireTarget } from './target.ts'

/** Says what a run would do. Reads the table once, for at most a minute; changes nothing.
 *  @throws what a run throws before it begins */
export async function previewPolicy({ client, role }: UpkeepSession, policy: ResolvedPolicy): Promise<ArchivePreview> {
  if (policy.where !== undefined) await checkPredicate(policy.where)
  const subject = await requireSubject(client, policy, role)
  const byPartitions = goesByPartitions(policy, subject)
  const target = byPartitions ? undefined : await requireTarget(client, policy, subject, role, false)
  const cutoff = policy.olderThan === undefined ? null : await readCutoff(client, policy.olderThan.ageMs)
  const condition = conditionOf(policy, subject, cutoff)
  const from = fromClause(subject)
  try {
    const estimate = await estimateMatching(client, from, condition)
    const counted = await countMatching(client, from, condition)
    const { matchCount, tableCount } = counted ?? { matchCount: estimate, tableCount: subject.rowEstimate }
    const { old } = byPartitions ? await oldPartitions({ client, policy, subject }, cutoff!) : { old: [] }
    return {
      policy: policy.name,
      action: policy.action,
      table: subject.quoted,
      ...(target === undefined ? {} : { into: target.quoted }),
      matchCount,
      tableCount,
      isEstimate: counted === undefined,
      isEverything: counted !== undefined && policy.action !== 'copy' && matchCount > 0 && matchCount === tableCount,
      partitions: old.map(({ schema, name }) => quoteQualified(schema, name)),
      ...(cutoff === null ? {} : { cutoff }),
      condition,
    }
  } catch (error) {
    throw stepError(error, { policy, subject, pace: { lockLimitMs: 0, mostBatchRows: 0, share: 1 } })
  }
}
