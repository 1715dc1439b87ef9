import type { IndexFacts, TableFacts } from '../catalog.ts'
import type { RuleFacts, RuleStatement } from '../facts/rule-facts.ts'
import type { WrappedColumn } from '../facts/statement-traits.ts'
import { countText, msText, shareText } from '../figure-text.ts'
import { quoteIdent } from '../identifier.ts'
import { resolveColumn } from '../resolve-column.ts'
import { LEAST_SHARE, manualChange, type Rule, type RuleFinding, statementEvidence } from './rule.ts'

/** Rows from which on a scan instead of an index is felt. As for a foreign key. */
export const LEAST_ROWS = 10_000

/** Rule `pg/cast-defeats-index`: a condition casts the column, or puts it into a function, and so the index on that column is not used. */
export const castDefeatsIndex: Rule = {
  name: 'pg/cast-defeats-index',
  judge: facts => ({ findings: facts.statements.flatMap(statement => findingsFor(statement, facts)), unknown: [] }),
}

function findingsFor(statement: RuleStatement, facts: RuleFacts): RuleFinding[] {
  if (statement.shareOfTime < LEAST_SHARE) return []
  for (const wrapped of statement.traits.wrapped) {
    const found = statement.parsed.scopes.map(scope => resolveColumn(scope, wrapped.column, facts.catalog)).find(column => column !== undefined)
    if (found === undefined || found.table.rowCount < LEAST_ROWS) continue
    const index = found.table.indexes.find(({ isValid, isPartial, keys }) => isValid && !isPartial && keys[0]?.column === found.column.name)
    const isServed = found.table.indexes.some(other => isOnExpression(other, wrapped))
    if (index !== undefined && !isServed && !isRelabel(wrapped, found.column.type))
      return [findingFor(statement, wrapped, found.table, index.name, found.column.type, facts)]
  }
  return []
}

/** An index on the expression serves it. Its definition is the server's own writing: `(lower(email))`, `(((day)::date))`. */
function isOnExpression({ isValid, keys, definition }: IndexFacts, { column, by, name }: WrappedColumn): boolean {
  const written = by === 'cast' ? `(${quoteIdent(column.name)})::` : `${name}(`
  return isValid && keys.some(key => key.column === null) && definition.includes(written) && definition.includes(quoteIdent(column.name))
}

/** A cast that changes nothing but the name of the type: an index on a varchar serves a comparison as text. */
function isRelabel({ by, name }: WrappedColumn, type: string): boolean {
  return by === 'cast' && /^(text|varchar)$/.test(name) && /^(text|character varying)/.test(type)
}

function findingFor(
  statement: RuleStatement,
  wrapped: WrappedColumn,
  table: TableFacts,
  index: string,
  type: string,
  { windowMs }: RuleFacts,
): RuleFinding {
  const { window, blocks } = statement
  const name = wrapped.column.name
  const how = wrapped.by === 'cast' ? `${name}::${wrapped.name}` : `${wrapped.name}(${name})`
  return {
    subject: `${window.queryId} ${how}`,
    title: `${how} keeps index ${index} of ${table.name} from being used`,
    severity: 'warning',
    evidence: statementEvidence(statement, windowMs, [
      { name: 'Condition on', value: `${how}; ${name} is ${type}, rows in the table: ${countText(table.rowCount)}` },
      { name: 'Index that is passed by', value: index },
      {
        name: 'Blocks touched a call, mean',
        value: blocks === undefined ? 'not known' : `${countText(blocks.blocksPerCall)}, n ${countText(blocks.calls)} calls`,
      },
      { name: 'Mean, share of statement time', value: `${msText(window.meanMs)}, ${shareText(statement.shareOfTime)}` },
    ]),
    recommendation: manualChange({ ...rewriteFor(wrapped, type), lockNote: 'none', why: 'it is a change of the statement' }),
    change: { kind: 'manual' },
  }
}

/** What to write instead. */
export function rewriteFor(
  wrapped: WrappedColumn,
  type: string,
): { summary: string; costNote: string; risk: 'low' | 'medium'; confidence: 'medium' | 'high' } {
  const column = quoteIdent(wrapped.column.name)
  if (/^timestamp/.test(type) && (wrapped.name === 'date' || wrapped.name === 'date_trunc')) {
    const summary = `compare the column itself with both ends of the day or month: ${column} >= $1 AND ${column} < $1 + interval '1 day'`
    return { summary, costNote: 'none; mind the time zone of the session, which the cast used', risk: 'medium', confidence: 'high' }
  }
  if (wrapped.by === 'cast') {
    const summary = `cast the parameter, not the column: ${column} = $1::${type}`
    return { summary, costNote: `none; a value that is no valid ${type} becomes an error instead of no row`, risk: 'low', confidence: 'high' }
  }
  const summary = `store the value in the form that is asked for, or index the expression: CREATE INDEX CONCURRENTLY ON ... (${wrapped.name}(${column}))`
  return { summary, costNote: 'one more index to write; the function must be immutable', risk: 'low', confidence: 'medium' }
}
