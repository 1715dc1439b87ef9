import type { RuleFacts, RuleStatement } from '../facts/rule-facts.ts'
import { countText, msText, shareText } from '../figure-text.ts'
import type { TableHealthRow } from '../sql/table-health.sql.ts'
import { manualChange, type Rule, type RuleFinding, statementEvidence } from './rule.ts'

/** Calls a second from which on a cache is more than one more thing to run. */
export const LEAST_CALLS_PER_SEC = 1

/** Share of the database's time that the statement must take. */
export const LEAST_CACHEABLE_SHARE = 0.05

/** Reads for each change of its tables. Below it most entries die before they are read again. */
export const LEAST_READS_PER_CHANGE = 20

/** Functions whose value differs by the moment or the session: an answer that holds one is no answer for later. Volatile ones are asked of the server. */
const OF_THE_MOMENT = new Set([
  'now',
  'statement_timestamp',
  'transaction_timestamp',
  'clock_timestamp',
  'age',
  'current_setting',
  'random',
  'txid_current',
  'timeofday',
  'gen_random_uuid',
  'uuidv4',
  'uuidv7',
])

/** Rule `pg/cacheable-statement`: a SELECT runs often, takes a good part of the database's time, and its tables hardly change. */
export const cacheableStatement: Rule = {
  name: 'pg/cacheable-statement',
  judge(facts) {
    const { tables, server, windowMs } = facts
    if (!tables.known) return { findings: [], unknown: [tables] }
    if (windowMs <= 0 || server.statsResetMs === null) {
      return {
        findings: [],
        unknown: server.statsResetMs === null ? [{ why: 'how often tables change a second: since when the server counts is not known' }] : [],
      }
    }
    return { findings: facts.statements.flatMap(statement => judgeOne(statement, facts)), unknown: [] }
  },
}

function judgeOne(statement: RuleStatement, facts: RuleFacts): RuleFinding[] {
  const { parsed, window, shareOfTime } = statement
  const callsPerSec = (window.calls * 1000) / facts.windowMs
  if (parsed.kind !== 'select' || parsed.locksRows || parsed.unsafe !== undefined) return []
  if (shareOfTime < LEAST_CACHEABLE_SHARE || callsPerSec < LEAST_CALLS_PER_SEC) return []
  if (parsed.functions.some(name => OF_THE_MOMENT.has(name) || facts.volatileFunctions.has(name))) return []
  const names = new Set<string>()
  let changesPerSec = 0
  for (const ref of parsed.scopes.flatMap(scope => scope.tables)) {
    const table = facts.catalog.table(ref)
    const health = facts.tables.known ? facts.tables.value.find(({ oid }) => oid === table?.oid) : undefined
    // Of a view, a foreign table or a partitioned one nothing says how often it changes.
    if (health === undefined) return []
    if (names.has(health.name)) continue
    names.add(health.name)
    changesPerSec += changeRate(health, facts)
  }
  if (names.size === 0 || callsPerSec < LEAST_READS_PER_CHANGE * changesPerSec) return []
  return [findingFor(statement, [...names], { callsPerSec, changesPerSec }, facts)]
}

/** Changes a second, in rows, so that a batch counts as many: by the statements of the window, or by the table's own counters of all time where these say
 *  more, as they do for what triggers and cascades write. */
function changeRate(table: TableHealthRow, facts: RuleFacts): number {
  const { server, parsed, windows, catalog, windowMs } = facts
  let written = 0
  for (const [queryId, statement] of parsed) {
    if (statement.kind === 'select' || statement.target === undefined || catalog.table(statement.target)?.oid !== table.oid) continue
    written += windows.get(queryId)?.rows ?? 0
  }
  const countedMs = Math.max(1000, server.nowMs - (server.statsResetMs ?? server.nowMs))
  const ever = ((table.insertCount + table.updateCount + table.deleteCount) * 1000) / countedMs
  return Math.max(ever, (written * 1000) / windowMs)
}

function findingFor(
  statement: RuleStatement,
  tables: readonly string[],
  rates: { callsPerSec: number; changesPerSec: number },
  { windowMs }: RuleFacts,
): RuleFinding {
  const { window, shareOfTime } = statement
  const { callsPerSec, changesPerSec } = rates
  const hitRatio = Math.max(0, 1 - changesPerSec / callsPerSec)
  const tags = tables.map(name => `'${name}'`).join(', ')
  return {
    subject: window.queryId,
    title: `a read of ${tables.join(', ')} runs ${callsPerSec.toFixed(1)} times a second, and its tables change ${changesPerSec.toFixed(3)} rows a second`,
    severity: 'info',
    evidence: statementEvidence(statement, windowMs, [
      { name: 'Calls', value: `${callsPerSec.toFixed(1)} a second, n ${countText(window.calls)}` },
      { name: 'Mean, share of statement time', value: `${msText(window.meanMs)}, ${shareText(shareOfTime)}` },
      { name: 'Rows changed in its tables', value: `${changesPerSec.toFixed(3)} a second (${tables.join(', ')})` },
      // Every set of parameters has to be read once before it is a hit, and how many there are is not known: no saving is promised.
      {
        name: 'At best',
        value: `${shareText(hitRatio)} hits, ${msText(callsPerSec * window.meanMs * hitRatio)} saved a second, if few different parameters are asked for`,
      },
    ]),
    recommendation: manualChange({
      summary: `cache it: hf.cache.getOrSet(key, load, { tags: [${tags}] }) with the parameters in the key, and drop the tags in the transactions that write these tables`,
      costNote: 'memory for each set of parameters; an answer may be as old as its time to live where a writer forgets the tag',
      lockNote: 'none',
      risk: 'medium',
      confidence: 'low',
      why: 'it is a change of the program, and how many different parameters are asked for is not known here',
    }),
    change: { kind: 'manual' },
  }
}
