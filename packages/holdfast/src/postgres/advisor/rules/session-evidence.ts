import type { Evidence } from '../../../core/index.ts'
import type { RuleFacts } from '../facts/rule-facts.ts'
import { quoteIdent } from '../identifier.ts'
import type { SessionRow } from '../sql/sessions.sql.ts'
import { objectEvidence, type RuleVerdict } from './rule.ts'

/** Evidence about a session, with its statement's normalised text where the workload knows it. */
export function sessionEvidence({ who, pid, queryId }: SessionRow, { parsed }: RuleFacts, figures: NonNullable<Evidence['figures']>): Evidence {
  const statement = queryId === null ? undefined : parsed.get(queryId)
  const text = statement !== undefined && 'text' in statement ? `: ${statement.text}` : ''
  const evidence = objectEvidence(`${who}${pid === null ? '' : ` (pid ${pid})`}${text}`, figures, 1)
  return queryId === null ? evidence : { ...evidence, queryId }
}

/** Says how many sessions the role could not look at. */
export function hiddenSessions(sessions: readonly SessionRow[], { role }: RuleFacts['server']): RuleVerdict['unknown'] {
  const hidden = sessions.filter(session => session.state === null).length
  if (hidden === 0) return []
  return [{ why: `what ${hidden} session(s) of other users do is hidden`, grant: `GRANT pg_monitor TO ${quoteIdent(role)}` }]
}
