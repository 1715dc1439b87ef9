import type { Evidence, FindingSeverity, Measurement, Recommendation } from '../../../core/index.ts'
import type { Known } from '../facts/known.ts'
import type { RuleFacts, RuleStatement } from '../facts/rule-facts.ts'
import type { IndexKey } from '../index-definition.ts'
import { measurementOf } from '../missing-index-finding.ts'
import type { RuleChange } from '../rule-change.ts'

/** What one rule says about one object or statement. Becomes a finding when it is put into the ledger. */
export interface RuleFinding {
  /** With the rule it makes the cause, and so the id. */
  readonly subject: string
  readonly title: string
  readonly severity: FindingSeverity
  /** Default 0: what it saves cannot be said in time. */
  readonly savesMsPerSec?: number
  readonly evidence: Evidence
  readonly recommendation: Recommendation
  /** How apply makes the change, or why it does not. Absent: an index is built, as for a missing one. */
  readonly change?: RuleChange
  /** The table and, where there is one, the index that a change works on. */
  readonly target?: { readonly schema: string; readonly table: string; readonly indexName?: string; readonly keys?: readonly IndexKey[] }
  /** Statements that will show whether the change helped. Empty: all on the table. */
  readonly queryIds?: readonly string[]
}

/** Something that a rule cannot judge. */
export interface RuleUnknown {
  readonly rule: string
  /** What is missing, and for which objects. */
  readonly why: string
  /** The statement that would give the role the right, where one is missing. */
  readonly grant?: string
}

export interface RuleVerdict {
  readonly findings: readonly RuleFinding[]
  readonly unknown: readonly Omit<RuleUnknown, 'rule'>[]
}

/** A rule: pure, from facts to findings. */
export interface Rule {
  /** `pg/<what is wrong>`. */
  readonly name: string
  judge(facts: RuleFacts): RuleVerdict
}

export const SILENT: RuleVerdict = { findings: [], unknown: [] }

/** A rule that needs one fact: it judges what was read, or says why it was not. */
export function judgeKnown<T>(fact: Known<T>, judge: (value: T) => readonly RuleFinding[]): RuleVerdict {
  if (fact.known) return { findings: judge(fact.value), unknown: [] }
  const { why, grant } = fact
  return { findings: [], unknown: [grant === undefined ? { why } : { why, grant }] }
}

/** Evidence about an object. `n` is what the figures rest on: rows, scans, sessions. */
export function objectEvidence(object: string, figures: NonNullable<Evidence['figures']>, n: number, windowMs = 0): Evidence {
  return { tier: 'measured', of: 'object', statement: object, before: { sampleCount: n, windowMs, meanMs: 0 }, shareOfTime: 0, figures }
}

/** Evidence about a statement of the window. */
export function statementEvidence(statement: RuleStatement, windowMs: number, figures: NonNullable<Evidence['figures']>): Evidence {
  const { parsed, window, shareOfTime } = statement
  const before: Measurement = measurementOf(window, windowMs)
  return { tier: 'measured', statement: parsed.text, queryId: window.queryId, before, shareOfTime, figures }
}

/** A recommendation that Holdfast does not carry out. */
export function manualChange(
  change: Pick<Recommendation, 'summary' | 'costNote' | 'lockNote' | 'risk' | 'confidence'> & {
    readonly sql?: readonly string[]
    readonly why: string
  },
): Recommendation {
  const { sql = [], why, ...rest } = change
  return { ...rest, sql, revertSql: [], manual: why }
}

/** Below this share of the database's time a statement is left alone: its whole removal would not be felt. As for a missing index. */
export const LEAST_SHARE = 0.01
