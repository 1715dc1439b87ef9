import { countText, shareText } from '../figure-text.ts'
import { quoteIdent, quoteQualified } from '../identifier.ts'
import type { SequenceHealthRow } from '../sql/sequence-health.sql.ts'
import { manualChange, objectEvidence, type Rule, type RuleFinding } from './rule.ts'

/** Share of its values that a sequence has given. A change of type needs preparation, so the warning comes early.
 *  @source check_postgres, action sequence: warning 85 %, critical 95 % */
export const WARN_SHARE = 0.85
/** As above. */
export const CRITICAL_SHARE = 0.95

/** Rule `pg/sequence-end`: a sequence, or the column that it feeds, is near its last value; the insert after that fails. */
export const sequenceEnd: Rule = {
  name: 'pg/sequence-end',
  judge({ sequences, server }) {
    if (!sequences.known) return { findings: [], unknown: [sequences] }
    const hidden = sequences.value.filter(sequence => !sequence.mayRead)
    const findings = sequences.value.filter(sequence => usedShare(sequence) >= WARN_SHARE).map(findingFor)
    if (hidden.length === 0) return { findings, unknown: [] }
    const [first] = hidden
    const grant = `GRANT SELECT ON ALL SEQUENCES IN SCHEMA ${quoteIdent(first?.schema ?? 'public')} TO ${quoteIdent(server.role)}`
    return { findings, unknown: [{ why: `the value of ${hidden.length} sequence(s) may not be read, ${first?.name ?? ''} first`, grant }] }
  },
}

function usedShare(sequence: SequenceHealthRow): number {
  return (sequence.lastValue ?? 0) / limitOf(sequence)
}

function limitOf({ maxValue, columnMax }: SequenceHealthRow): number {
  return Math.min(maxValue, columnMax)
}

function findingFor(sequence: SequenceHealthRow): RuleFinding {
  const { schema, name, table, column, columnType, lastValue, maxValue } = sequence
  const limit = limitOf(sequence)
  const left = limit - (lastValue ?? 0)
  const share = usedShare(sequence)
  const widen =
    table !== null && column !== null && columnType !== 'bigint' ? [`ALTER TABLE ${table} ALTER COLUMN ${quoteIdent(column)} TYPE bigint`] : []
  const raise = maxValue < 9.2e18 ? [`ALTER SEQUENCE ${quoteQualified(schema, name)} AS bigint MAXVALUE 9223372036854775807`] : []
  return {
    subject: `${schema}.${name}`,
    title: `sequence ${name} has given ${shareText(share)} of its values, ${countText(left)} are left`,
    severity: share >= CRITICAL_SHARE ? 'critical' : 'warning',
    evidence: objectEvidence(
      `${schema}.${name}`,
      [
        { name: 'Last value', value: `${countText(lastValue ?? 0)} of ${countText(limit)}` },
        { name: 'Left', value: `${countText(left)} values` },
        { name: 'Feeds', value: table === null ? 'no column owns it' : `${table}.${column} (${columnType})` },
      ],
      lastValue ?? 0,
    ),
    recommendation: manualChange({
      sql: [...widen, ...raise],
      summary:
        widen.length === 0 ? 'raise its maximum' : `make ${table}.${column} a bigint, and every column that refers to it, before the values run out`,
      costNote:
        widen.length === 0
          ? 'none'
          : 'the change of type rewrites the table and its indexes; a new bigint column that is filled in batches and swapped in does not stop writers',
      lockNote: widen.length === 0 ? 'ALTER SEQUENCE: a moment' : 'ALTER COLUMN TYPE: ACCESS EXCLUSIVE for the whole rewrite',
      risk: widen.length === 0 ? 'low' : 'high',
      confidence: 'high',
      why:
        widen.length === 0
          ? 'the program that reads the values must be able to take larger ones'
          : 'it rewrites the table while nobody may read or write it',
    }),
    change: { kind: 'manual' },
  }
}
